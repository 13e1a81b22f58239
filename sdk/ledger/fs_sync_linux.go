package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the content durable with fdatasync.
func syncData(f *os.File) error {
	return withFD(f, func(fd int) error {
		for {
			err := unix.Fdatasync(fd)
			if err != unix.EINTR {
				return err
			}
		}
	})
}

// withFD calls a function with the file's descriptor. The descriptor stays open during
// the call, even if another goroutine closes the file.
func withFD(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	if err := conn.Control(func(fd uintptr) { callErr = call(int(fd)) }); err != nil {
		return err
	}
	return callErr
}

// writebackSize is the size of the pieces in which large writes start their writeback.
// The disk then works while the rest is copied, and the sync waits less.
const writebackSize = 256 << 10

// writeAt writes b at offset.
func writeAt(f *os.File, b []byte, offset int64) (n int, err error) {
	for len(b) > writebackSize {
		wrote, err := f.WriteAt(b[:writebackSize], offset)
		n += wrote
		if err != nil {
			return n, err
		}
		// This is only a hint. The sync reports failures.
		_ = withFD(f, func(fd int) error {
			return unix.SyncFileRange(fd, offset, writebackSize, unix.SYNC_FILE_RANGE_WRITE)
		})
		b, offset = b[writebackSize:], offset+writebackSize
	}
	wrote, err := f.WriteAt(b, offset)
	return n + wrote, err
}
