package ledger

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// openAt opens a file of the directory, unless it is a symbolic link. os.Root stays in the
// directory meanwhile.
func (d *osDir) openAt(name string, flag int) (*os.File, error) {
	f, err := d.root.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := d.root.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: fs.ErrInvalid}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// checkOwner has nothing to check: files inherit the access list of the directory, which
// its owner controls.
func checkOwner(string, fs.FileInfo, access) error { return nil }

// isDiskFull reports whether an operation failed for want of space.
func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// errNotDirectory means that a part of a path is not a directory.
var errNotDirectory error = windows.ERROR_PATH_NOT_FOUND

// identity identifies a file of the system.
type identity struct{ info fs.FileInfo }

func (i identity) same(other identity) bool { return os.SameFile(i.info, other.info) }

func identityOf(info fs.FileInfo) identity { return identity{info} }

// identify returns the identity of the file at a path.
func identify(path string) (identity, error) {
	info, err := os.Lstat(path)
	return identity{info}, err
}

// hasLinks reports false, since asking for the links costs as much as comparing paths.
func hasLinks(*os.File) (bool, error) { return false, nil }

// peek opens the file at a path anew, since network file systems may serve a file that
// is open from a cache, and reads its beginning.
func peek(path string, b []byte) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	n, err := readBeginning(f, b)
	return n, errors.Join(err, f.Close())
}
