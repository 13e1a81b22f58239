//go:build !unix

package files

import "os"

// SyncDir does nothing: Windows cannot sync a directory, and NTFS journals changes to names.
func SyncDir(*os.File) error { return nil }

// SyncPath does nothing either.
func SyncPath(string) error { return nil }
