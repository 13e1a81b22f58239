//go:build !linux

package ledger

import "os"

// syncData makes the content durable, with F_FULLFSYNC on macOS and FlushFileBuffers on
// Windows.
func syncData(f *os.File) error { return f.Sync() }

// writeAt writes b at offset.
// writeAt writes b at offset.
func writeAt(f *os.File, b []byte, offset int64) (int, error) { return f.WriteAt(b, offset) }
