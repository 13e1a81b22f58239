package ledger

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

const noFollow = 0 // os.Root stays in the directory, and checkSecure rejects links after opening

// checkOwner has nothing to check: files inherit the access list of the directory, which
// its owner controls.
func checkOwner(string, fs.FileInfo, bool) error { return nil }

// lock locks the file until it is closed. It returns ErrLocked if it is locked already.
func lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// Sync has nothing to do: NTFS journals changes to names.
func (d *osDir) Sync() error { return nil }
