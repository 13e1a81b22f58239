package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// osDir is a directory of the operating system.
type osDir struct {
	path     string
	root     *os.Root
	readOnly bool
	lock     *os.File
}

var _ fileSystem = (*osDir)(nil)

// createDir opens dir for writing, and creates it if it does not exist.
func createDir(dir string) (*osDir, error) {
	if err := os.MkdirAll(filepath.Clean(dir), 0o700); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return openDir(dir, false)
}

// openDir opens an existing directory, and checks that it is secure.
func openDir(dir string, readOnly bool) (*osDir, error) {
	dir = filepath.Clean(dir)
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := checkSecure(dir, info, true, !readOnly); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%w: %s was replaced while it was opened", ErrInsecure, dir)
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return &osDir{path: dir, root: root, readOnly: readOnly}, nil
}

// checkSecure rejects files that other users may have created or may modify. The owner
// is checked if mine is true.
func checkSecure(path string, info fs.FileInfo, dir, mine bool) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0 && !dir:
		return fmt.Errorf("%w: %s is a symbolic link; replace it with its target", ErrInsecure, path)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w: %s is a symbolic link; use the path of its target", ErrInsecure, path)
	case dir && !info.IsDir():
		return fmt.Errorf("%w: %s is not a directory", ErrInsecure, path)
	case !dir && !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a regular file", ErrInsecure, path)
	}
	return checkOwner(path, info, mine)
}

func (d *osDir) Create(name string) (file, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (d *osDir) Open(name string) (file, error) {
	if d.readOnly {
		return d.open(name, os.O_RDONLY)
	}
	return d.open(name, os.O_RDWR)
}

func (d *osDir) open(name string, flag int) (file, error) {
	f, err := d.openFile(name, flag)
	if err != nil {
		return nil, err
	}
	return &osFile{f}, nil
}

func (d *osDir) openFile(name string, flag int) (*os.File, error) {
	f, err := d.root.OpenFile(name, flag|noFollow, 0o600)
	if err != nil {
		if info, lerr := d.root.Lstat(name); lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, checkSecure(filepath.Join(d.path, name), info, false, false)
		}
		return nil, err
	}
	info, err := d.root.Lstat(name)
	if err == nil {
		err = checkSecure(filepath.Join(d.path, name), info, false, !d.readOnly)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (d *osDir) Rename(from, to string) error {
	if _, err := d.root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("rename to %s: %w", to, fs.ErrExist), err)
	}
	return d.root.Rename(from, to)
}

func (d *osDir) Remove(name string) error { return d.root.Remove(name) }

func (d *osDir) List() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	return f.Readdirnames(-1)
}

func (d *osDir) SameFile(name string, f file) (bool, error) {
	named, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	osf, ok := f.(*osFile)
	if !ok {
		return false, nil
	}
	opened, err := osf.Stat()
	return err == nil && os.SameFile(named, opened), err
}

// lockFileName is the name of the lock file. It is never removed: a writer could lock
// the removed file while another locks its replacement.
const lockFileName = "lock"

func (d *osDir) Lock() error {
	f, err := d.openFile(lockFileName, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		if errors.Is(err, ErrLocked) {
			return fmt.Errorf("ledger: %s is %w", d.path, err)
		}
		return fmt.Errorf("ledger: lock %s: %w", d.path, err)
	}
	d.lock = f
	return nil
}

func (d *osDir) Close() error {
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

// Sync makes durable the content, and the attributes that reading it requires.
func (f *osFile) Sync() error { return syncData(f.File) }
