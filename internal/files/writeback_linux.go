package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// StartWriting tells the system to write a file now, and does not wait. A later Sync then has less
// to do. An error does not matter: Sync reports it.
func StartWriting(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}
