//go:build !unix

package files

import "os"

// SyncPath does nothing: Windows cannot sync a directory, and NTFS journals changes to names.
func SyncPath(string) error { return nil }

// SyncIn does nothing either.
func SyncIn(*os.Root, string) error { return nil }
