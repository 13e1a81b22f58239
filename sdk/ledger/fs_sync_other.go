//go:build !linux

package ledger

import "os"

// syncData is F_FULLFSYNC on macOS and FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }
