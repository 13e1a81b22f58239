package files

import (
	"os"
	"syscall"
)

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE: write what is dirty, and do not wait.
const syncFileRangeWrite = 2

// StartWriting tells the system to write a file now, and does not wait. A later Sync then has less
// to do. An error does not matter: Sync reports it.
func StartWriting(f *os.File) {
	_ = syscall.SyncFileRange(int(f.Fd()), 0, 0, syncFileRangeWrite)
}
