//go:build unix

package seal

import "os"

// syncDir makes the names in a directory durable.
func syncDir(dir *os.File) error { return dir.Sync() }
