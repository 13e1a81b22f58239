package archive

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Dir is a Store in a directory. Each object is a file, whose path in the directory is the
// name. Several processes may use the directory at the same time.
//
// A file is written under a temporary name, synced, and then linked to its name, so that it
// is complete or not there. The file system must support hard links.
type Dir struct {
	path string // absolute, since the process may change its working directory
	root *os.Root
}

var _ Store = (*Dir)(nil)

// OpenDir opens an existing directory. If it does not exist, the error
// matches fs.ErrNotExist.
func OpenDir(path string) (*Dir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	root, err := os.OpenRoot(absolute)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return &Dir{path: absolute, root: root}, nil
}

// CreateDir is OpenDir, but creates the directory, for its owner only, if it does not exist.
// Its parent must exist. Whatever removes records must use OpenDir: in a new directory, in place
// of one that is not mounted, there is no hold.
func CreateDir(path string) (*Dir, error) {
	switch err := os.Mkdir(path, 0o700); {
	case errors.Is(err, fs.ErrExist):
	case err != nil:
		return nil, fmt.Errorf("archive: %w", err)
	default:
		if err := syncPath(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
	}
	return OpenDir(path)
}

// syncPath makes the entries of a directory durable.
func syncPath(path string) error {
	d, err := os.Open(path) //nolint:gosec // the caller chooses the directory
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Close releases the directory. Its methods must not be used afterwards.
func (d *Dir) Close() error { return d.root.Close() }

// The names of files that are being written, and how old one may become. They start with a
// dot, so they are no objects.
const (
	temporaryPrefix = ".new-"
	temporaryAge    = 24 * time.Hour
)

// Put stores an object, as Store describes. It creates the directories in the name.
func (d *Dir) Put(ctx context.Context, name string, content io.ReadSeeker, size int64) error {
	if !ValidName(name) {
		return errName(name)
	}
	if _, err := d.root.Lstat(filepath.FromSlash(name)); err == nil {
		return d.locate("put", name, fs.ErrExist)
	}
	dir := path.Dir(name)
	if err := d.makeDirs(dir); err != nil {
		return d.locate("put", name, err)
	}
	temporary := filepath.FromSlash(path.Join(dir, temporaryPrefix+rand.Text()))
	err := d.write(ctx, temporary, content, size)
	if err == nil {
		err = d.root.Link(temporary, filepath.FromSlash(name)) // fails if it exists
	}
	if removeErr := d.root.Remove(temporary); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	if err != nil {
		return d.locate("put", name, err)
	}
	d.removeStale(dir)
	return d.locate("put", name, d.sync(dir))
}

// write writes and syncs a new file.
func (d *Dir) write(ctx context.Context, file string, content io.ReadSeeker, size int64) error {
	f, err := d.root.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = content.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.CopyN(f, &contextReader{ctx, content}, size)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// makeDirs creates a directory and those above it, and makes them durable. It syncs those
// that exist too: another process may have created them and not synced yet.
func (d *Dir) makeDirs(dir string) error {
	if dir == "." {
		return nil
	}
	if err := d.makeDirs(path.Dir(dir)); err != nil {
		return err
	}
	if err := d.root.Mkdir(filepath.FromSlash(dir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.sync(path.Dir(dir))
}

func (d *Dir) sync(dir string) error {
	f, err := d.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return err
	}
	return errors.Join(syncDir(f), f.Close())
}

// removeStale removes files that processes left unfinished long ago. It is no error if that
// fails.
func (d *Dir) removeStale(dir string) {
	entries, err := fs.ReadDir(d.root.FS(), dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), temporaryPrefix) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > temporaryAge {
			_ = d.root.Remove(filepath.FromSlash(path.Join(dir, e.Name())))
		}
	}
}

// ReadAt reads a part of an object, as Store describes.
func (d *Dir) ReadAt(ctx context.Context, name string, p []byte, offset int64) (int, error) {
	if !ValidName(name) {
		return 0, errName(name)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("archive: %w", err)
	}
	f, err := d.root.Open(filepath.FromSlash(name))
	if err != nil {
		return 0, d.locate("read", name, err)
	}
	n, err := f.ReadAt(p, offset)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, d.locate("read", name, err)
	}
	return n, err
}

// List lists the objects whose names start with prefix, as Store describes.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := d.list(ctx, ".", prefix, yield); err != nil && !errors.Is(err, errStopped) {
			yield(Object{}, d.locate("list", ".", err))
		}
	}
}

// errStopped means that the caller of an iterator has stopped.
var errStopped = errors.New("stopped")

// list lists the objects in a directory and those below it.
func (d *Dir) list(ctx context.Context, dir, prefix string, yield func(Object, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) && dir != "." {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	// Names sort as with their slashes: "a/b" after "a-b".
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if err := d.listEntry(ctx, path.Join(dir, e.Name()), e, prefix, yield); err != nil {
			return err
		}
	}
	return nil
}

// listEntry lists a file, or the objects in a directory.
func (d *Dir) listEntry(ctx context.Context, name string, e fs.DirEntry, prefix string, yield func(Object, error) bool) error {
	inside := strings.HasPrefix(name, prefix)
	switch {
	case !ValidName(name):
		return nil
	case e.IsDir() && (inside || strings.HasPrefix(name+"/", prefix) || strings.HasPrefix(prefix, name+"/")):
		return d.list(ctx, name, prefix, yield)
	case !inside || !e.Type().IsRegular():
		return nil
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err == nil && !yield(Object{Name: name, Size: info.Size()}, nil) {
		err = errStopped
	}
	return err
}

func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

// Delete removes an object, as Store describes. Directories stay.
func (d *Dir) Delete(ctx context.Context, name string) error {
	if !ValidName(name) {
		return errName(name)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	err := d.root.Remove(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = d.sync(path.Dir(name))
	}
	return d.locate("delete", name, err)
}

// locate adds the path of an object to an error. It accepts nil.
func (d *Dir) locate(operation, name string, err error) error {
	if err == nil {
		return nil
	}
	for { // the system's errors repeat the operation and the path in the directory
		if inner, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost error is replaced
			err = inner.Err
		} else if inner, ok := err.(*os.LinkError); ok { //nolint:errorlint // the same
			err = inner.Err
		} else {
			break
		}
	}
	return fmt.Errorf("archive: %s %s: %w", operation, filepath.Join(d.path, filepath.FromSlash(name)), err)
}
