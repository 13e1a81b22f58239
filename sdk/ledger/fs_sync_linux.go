package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

func syncData(f *os.File) error {
	return control(f, func(fd int) error {
		for {
			err := unix.Fdatasync(fd)
			if err != unix.EINTR {
				return err
			}
		}
	})
}

// control calls a function with the file's descriptor, which stays open meanwhile even
// if another goroutine closes the file.
func control(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var called error
	if err := conn.Control(func(fd uintptr) { called = call(int(fd)) }); err != nil {
		return err
	}
	return called
}

// writebackSize is from how much on, and in which pieces, a write is handed to the
// disk at once, while the rest is still copied: a sync then has less to wait for.
const writebackSize = 256 << 10

// writeAt writes b, large ones in pieces whose writing to the disk is begun.
func writeAt(f *os.File, b []byte, offset int64) (n int, err error) {
	for len(b) > writebackSize {
		wrote, err := f.WriteAt(b[:writebackSize], offset)
		n += wrote
		if err != nil {
			return n, err
		}
		// Only a hint: what it fails to do, or to report, is left to the sync.
		_ = control(f, func(fd int) error {
			return unix.SyncFileRange(fd, offset, writebackSize, unix.SYNC_FILE_RANGE_WRITE)
		})
		b, offset = b[writebackSize:], offset+writebackSize
	}
	wrote, err := f.WriteAt(b, offset)
	return n + wrote, err
}
