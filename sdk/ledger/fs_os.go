package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/opendeed/audit/internal/filelock"
	"github.com/opendeed/audit/internal/files"
)

// osDir is a directory of the operating system.
type osDir struct {
	path   string // absolute, since the process may change its working directory
	root   *os.Root
	self   *os.File    // the directory, to open files in it
	info   fs.FileInfo // of the directory
	access access
	lock   *osFile
	local  bool // no other machine writes to the directory
}

// access says how files may be used, and by whom.
type access struct {
	readOnly bool
	// groupWritable accepts files that a group of this process may write.
	groupWritable bool
}

var _ fileSystem = (*osDir)(nil)

// createDir opens dir for writing, and creates it if it does not exist. A name that it
// created is durable.
func createDir(dir string, a access) (*osDir, error) {
	if err := files.MakeDir(dir, stateFileName); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return openDir(dir, a)
}

// openDir opens an existing directory, and checks that it is secure.
func openDir(dir string, a access) (*osDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := checkSecure(dir, info, true, a); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d := &osDir{path: dir, root: root, info: info, access: a}
	if err := d.openSelf(); err != nil {
		_ = root.Close()
		return nil, err
	}
	return d, nil
}

// openSelf opens the directory itself.
func (d *osDir) openSelf() (err error) {
	if d.self, err = d.root.Open("."); err != nil {
		return err
	}
	opened, err := d.self.Stat()
	if err == nil && !os.SameFile(d.info, opened) {
		err = fmt.Errorf("%w: %s was replaced while it was opened", ErrInsecure, d.path)
	}
	if err != nil {
		_ = d.self.Close()
	}
	return err
}

// checkSecure rejects files that other users may have created or may modify. Readers may
// be other users than the owner.
func checkSecure(path string, info fs.FileInfo, dir bool, a access) error {
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
	return checkOwner(path, info, a)
}

func (d *osDir) Path() string { return d.path }

func (d *osDir) Create(name string) (file, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (d *osDir) Open(name string) (file, error) {
	if d.access.readOnly {
		return d.open(name, os.O_RDONLY)
	}
	return d.open(name, os.O_RDWR)
}

func (d *osDir) open(name string, flag int) (file, error) {
	f, err := d.openFile(name, flag)
	if err != nil {
		return nil, err // no *osFile in a file
	}
	return f, nil
}

func (d *osDir) openFile(name string, flag int) (*osFile, error) {
	f, err := d.openAt(name, flag)
	if err != nil {
		if info, lerr := d.root.Lstat(name); lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, checkSecure(filepath.Join(d.path, name), info, false, d.access)
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkSecure(f.Name(), info, false, d.access)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &osFile{File: f, path: f.Name(), identity: identityOf(info)}, nil
}

func (d *osDir) Rename(from, to string) error {
	if _, err := d.root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("rename to %s: %w", to, fs.ErrExist), err)
	}
	return d.root.Rename(from, to)
}

func (d *osDir) Remove(name string) error { return d.root.Remove(name) }

func (d *osDir) Sync() error { return files.SyncIn(d.root, ".") }

func (d *osDir) List() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	return f.Readdirnames(-1)
}

func (d *osDir) VerifyLock() error { return d.verify(lockFileName, d.lock) }

func (d *osDir) Verify(name string, f file) error {
	opened, ok := f.(*osFile)
	if !ok {
		return notOfSystem(name)
	}
	return d.verify(name, opened)
}

func (d *osDir) VerifyLinks(name string, f file) error {
	opened, ok := f.(*osFile)
	if !ok {
		return notOfSystem(name)
	}
	for _, f := range []*osFile{d.lock, opened} {
		if linked, err := hasLinks(f.File); err != nil || !linked {
			return cmp.Or(d.VerifyLock(), d.verify(name, opened)) // which explain what is wrong, if anything
		}
	}
	return nil
}

func notOfSystem(name string) error {
	return fmt.Errorf("ledger: %s is not a file of the system", name)
}

// verify checks that the path of a file in the directory leads to the open file.
func (d *osDir) verify(name string, f *osFile) error {
	found, err := identify(f.path)
	if errors.Is(err, fs.ErrPermission) {
		// The process can no longer reach the path. It can reach the directory itself.
		var info fs.FileInfo
		if info, err = d.root.Lstat(name); err == nil {
			found = identityOf(info)
		}
	}
	switch {
	case err == nil && found.same(f.identity):
		return nil
	case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotDirectory):
		return d.lost(name)
	}
	return fmt.Errorf("ledger: cannot check whether %s still exists: %w", f.path, err)
}

// lost returns the error for a file whose path no longer leads to it: it was removed or
// replaced, or its whole directory was.
func (d *osDir) lost(name string) error {
	lost := &LostError{Dir: d.path, File: name, Reason: reasonReplaced}
	at, err := os.Lstat(d.path)
	opened, openedErr := d.root.Stat(".")
	if err != nil || openedErr != nil || !os.SameFile(at, opened) {
		lost.File = ""
	}
	return lost
}

func (d *osDir) Peek(name string, f file, b []byte) (int, error) {
	if d.local {
		return readBeginning(f, b)
	}
	n, err := peek(filepath.Join(d.path, name), b)
	switch {
	case errors.Is(err, fs.ErrPermission):
		n, err = d.peekInRoot(name, b)
	case isExhausted(err): // what others do to this process must not stop its records
		n, err = readBeginning(f, b)
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotDirectory):
		return 0, d.lost(name)
	}
	return 0, fmt.Errorf("ledger: cannot check whether another writer has opened %s: %w", d.path, err)
}

// isExhausted reports whether an operation failed because the process or the system has no
// descriptors or memory left, which says nothing about the file.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

func readBeginning(f io.ReaderAt, b []byte) (int, error) {
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (d *osDir) peekInRoot(name string, b []byte) (int, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return 0, err
	}
	n, err := readBeginning(f, b)
	return n, errors.Join(err, f.Close())
}

// lockFileName is the name of the lock file. It is never removed: a writer could lock
// the removed file while another locks its replacement.
const lockFileName = "lock"

// maxLockAttempts limits how often Lock tries again because the file was removed or created
// meanwhile.
const maxLockAttempts = 100

func (d *osDir) Lock() (created bool, err error) {
	for range maxLockAttempts {
		created, err = d.tryLock()
		lost, ok := errors.AsType[*LostError](err)
		if removed := ok && lost.File != ""; !removed && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return created, err
}

// tryLock opens and locks the lock file. The error is a *LostError if the file was
// removed before it was locked, and matches fs.ErrExist if another writer created it.
func (d *osDir) tryLock() (created bool, err error) {
	f, err := d.openFile(lockFileName, os.O_RDWR)
	if created = errors.Is(err, fs.ErrNotExist); created {
		f, err = d.openFile(lockFileName, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	}
	if err != nil {
		return false, err
	}
	switch err = filelock.Lock(f.File); {
	case errors.Is(err, filelock.ErrHeld):
		err = fmt.Errorf("ledger: %s is %w", d.path, ErrLocked)
	case err != nil:
		err = fmt.Errorf("ledger: lock %s: %w", d.path, err)
	default:
		err = d.verify(lockFileName, f)
	}
	if err != nil {
		return false, errors.Join(err, f.Close())
	}
	d.lock, d.local = f, isLocal(f.File)
	return created, nil
}

func (d *osDir) Close() error {
	var err error
	if d.lock != nil {
		err = errors.Join(filelock.Unlock(d.lock.File), d.lock.Close())
	}
	return errors.Join(err, d.self.Close(), d.root.Close())
}

// osFile is a file of the operating system.
type osFile struct {
	*os.File

	path     string
	identity identity
}

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
