package ledger

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

const noFollow = 0 // os.Root does not leave the directory, and links are refused after opening

// checkOwner has nothing to look at: access lists are inherited from the directory,
// which its owner sets.
func checkOwner(fs.FileInfo, bool) error { return nil }

func lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// Sync has nothing to do: NTFS logs changes of names.
func (d *directory) Sync() error { return nil }
