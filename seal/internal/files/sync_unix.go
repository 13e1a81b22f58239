//go:build unix

package files

import "os"

// SyncDir makes the names in a directory durable.
func SyncDir(dir *os.File) error { return dir.Sync() }
