package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// directory is the fileSystem of the operating system.
type directory struct {
	path     string
	root     *os.Root
	readOnly bool
	lock     *os.File
}

var _ fileSystem = (*directory)(nil)

// openDirectory opens dir for a writer, and makes it if it does not exist.
func openDirectory(dir string) (*directory, error) {
	if err := os.MkdirAll(filepath.Clean(dir), 0o700); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return newDirectory(dir, false)
}

func newDirectory(dir string, readOnly bool) (*directory, error) {
	dir = filepath.Clean(dir)
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := checkSafe(info, true, !readOnly); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%w: it was replaced while it was opened", ErrUnsafe)
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return &directory{path: dir, root: root, readOnly: readOnly}, nil
}

// checkSafe refuses what others may have put there or may change.
func checkSafe(info fs.FileInfo, dir, mine bool) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w: %s is a symbolic link; give the path that it leads to", ErrUnsafe, info.Name())
	case dir && !info.IsDir():
		return fmt.Errorf("%w: %s is not a directory", ErrUnsafe, info.Name())
	case !dir && !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a regular file", ErrUnsafe, info.Name())
	}
	return checkOwner(info, mine)
}

func (d *directory) Create(name string) (file, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (d *directory) Open(name string) (file, error) {
	if d.readOnly {
		return d.open(name, os.O_RDONLY)
	}
	return d.open(name, os.O_RDWR)
}

func (d *directory) open(name string, flag int) (file, error) {
	f, err := d.openFile(name, flag)
	if err != nil {
		return nil, err
	}
	return &osFile{f}, nil
}

func (d *directory) openFile(name string, flag int) (*os.File, error) {
	f, err := d.root.OpenFile(name, flag|noFollow, 0o600)
	if err != nil {
		if info, lerr := d.root.Lstat(name); lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, checkSafe(info, false, false)
		}
		return nil, err
	}
	info, err := d.root.Lstat(name)
	if err == nil {
		err = checkSafe(info, false, !d.readOnly)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (d *directory) Rename(from, to string) error {
	if _, err := d.root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("rename to %s: %w", to, fs.ErrExist), err)
	}
	return d.root.Rename(from, to)
}

func (d *directory) Remove(name string) error { return d.root.Remove(name) }

func (d *directory) List() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	return f.Readdirnames(-1)
}

func (d *directory) Is(name string, f file) (bool, error) {
	there, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	own, ok := f.(*osFile)
	if !ok {
		return false, nil
	}
	open, err := own.Stat()
	return err == nil && os.SameFile(there, open), err
}

// lockFile is never removed: who holds it may be about to be replaced otherwise.
const lockFile = "lock"

func (d *directory) Lock() error {
	f, err := d.openFile(lockFile, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return err
	}
	d.lock = f
	return nil
}

func (d *directory) Close() error {
	var err error
	if d.lock != nil {
		err = d.lock.Close() // unlocks
	}
	return errors.Join(err, d.root.Close())
}

// osFile is a file of the operating system.
type osFile struct{ *os.File }

func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *osFile) WriteAt(b []byte, offset int64) (int, error) { return writeAt(f.File, b, offset) }

// Sync makes the content durable, and of its attributes those that reading needs.
func (f *osFile) Sync() error { return syncData(f.File) }
