//go:build !unix

package files

import "os"

// SyncDir does nothing: Windows has no such call, and its file systems keep a journal.
func SyncDir(*os.File) error { return nil }
