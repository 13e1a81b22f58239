//go:build !unix

package erasure

import "os"

// syncDir does nothing: Windows cannot sync a directory, and makes its entries durable with
// the files.
func syncDir(*os.File) error { return nil }
