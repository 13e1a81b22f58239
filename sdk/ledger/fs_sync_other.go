//go:build !linux

package ledger

import "os"

// syncData is F_FULLFSYNC on macOS and FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }

func writeAt(f *os.File, b []byte, offset int64) (int, error) { return f.WriteAt(b, offset) }
