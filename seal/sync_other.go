//go:build !unix

package seal

import "os"

// syncDir does nothing: Windows has no such call, and its file systems keep a journal.
func syncDir(*os.File) error { return nil }
