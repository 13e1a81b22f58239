package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
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
		_ = unix.SyncFileRange(int(f.Fd()), offset, writebackSize, unix.SYNC_FILE_RANGE_WRITE)
		b, offset = b[writebackSize:], offset+writebackSize
	}
	wrote, err := f.WriteAt(b, offset)
	return n + wrote, err
}
