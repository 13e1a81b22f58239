package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit/internal/files"
)

// DirName is the name of the directory, in that of a ledger, in which a seal keeps its files.
const DirName = "seal"

// Files is where a seal keeps its files. Names have slashes. The methods are safe for
// concurrent use.
type Files interface { //nolint:interfacebloat // the operations of a directory
	// Read returns the content of a file. The error matches fs.ErrNotExist if the file does not
	// exist.
	Read(name string) ([]byte, error)
	// Write stores a file, in place of an older one. A reader gets one of the two. Before
	// Sync, a crash of the machine may leave anything in the file.
	Write(name string, data []byte) error
	// Create is Write for a file that does not exist yet, and is faster: until it returns, a
	// reader may get a part of the file, and a crash may leave a part.
	Create(name string, data []byte) error
	// Replace is Write, but a crash leaves the old file or the new one, and when it returns
	// nil, the new one.
	Replace(name string, data []byte) error
	// Sync makes files durable that Write or Create has stored. Names without a file are ignored.
	// After an error a crash may leave anything in the files, even if a later Sync succeeds.
	Sync(names ...string) error
	// Remove removes a file, or a directory with all that is in it, if it exists.
	Remove(name string) error
}

// OpenDir returns the files in a directory of the operating system, such as that with the name
// DirName in the directory of a ledger. Write, Create and Replace create the directory.
func OpenDir(dir string) Files { return &osFiles{dir: dir} }

// osFiles implements Files. No symbolic link leads it out of the directory.
type osFiles struct {
	dir string

	mu   sync.Mutex
	root *os.Root

	writing sync.Mutex // held while a file is written or removed
	last    *os.Root   // the directory that was written last: that of many tiles
	name    string     // of last
}

const (
	dirMode         = 0o700
	fileMode        = 0o600
	temporarySuffix = ".new"
)

// open returns the directory, which it opens once.
func (f *osFiles) open(create bool) (*os.Root, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.root != nil {
		return f.root, nil
	}
	if create {
		err := os.Mkdir(f.dir, dirMode)
		if err == nil {
			err = files.SyncName(f.dir)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	root, err := os.OpenRoot(f.dir)
	if err == nil {
		f.root = root
	}
	return root, err
}

func (f *osFiles) Read(name string) ([]byte, error) {
	root, err := f.open(false)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	b, err := root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", filepath.Join(f.dir, name), err)
	}
	return b, nil
}

// stat returns when a file was stored, as the file system says, and its size. Both are zero if it
// does not exist.
func (f *osFiles) stat(name string) (stored time.Time, size int64) {
	root, err := f.open(false)
	if err != nil {
		return time.Time{}, 0
	}
	info, err := root.Stat(name)
	if err != nil {
		return time.Time{}, 0
	}
	return info.ModTime(), info.Size()
}

func (f *osFiles) Write(name string, data []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	return f.located(name, f.write(name, data, false))
}

func (f *osFiles) Create(name string, data []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	root, err := f.parent(name)
	if err != nil {
		return f.located(name, err)
	}
	file, err := root.OpenFile(path.Base(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return f.located(name, f.write(name, data, false))
	}
	if err == nil {
		_, err = file.Write(data)
		err = errors.Join(err, file.Close())
	}
	return f.located(name, err)
}

func (f *osFiles) Replace(name string, data []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	return f.located(name, f.write(name, data, true))
}

// write stores a file under another name and renames it. f.writing is held.
func (f *osFiles) write(name string, data []byte, durable bool) error {
	root, err := f.parent(name)
	if err != nil {
		return err
	}
	name = path.Base(name)
	temporary := name + temporarySuffix
	file, err := root.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil && durable {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = root.Rename(temporary, name)
	}
	if err == nil && durable { // only files of the directory itself
		err = syncParents(root, map[string]bool{".": true})
	}
	return err
}

// parent returns the directory of a file, which it creates. It walks there once for the tiles
// of one directory. f.writing is held.
func (f *osFiles) parent(name string) (*os.Root, error) {
	root, err := f.open(true)
	dir := path.Dir(name)
	if err != nil || dir == "." {
		return root, err
	}
	if f.last != nil && f.name == dir {
		return f.last, nil
	}
	if err := root.MkdirAll(dir, dirMode); err != nil {
		return nil, err
	}
	if root, err = root.OpenRoot(dir); err != nil {
		return nil, err
	}
	if f.last != nil {
		_ = f.last.Close() // nothing was written to it itself
	}
	f.last, f.name = root, dir
	return root, nil
}

// syncAtOnce is how many files Sync has open. While the system writes all of them, it commits its
// journal once instead of once for each file, which takes half of the processor time.
const syncAtOnce = 64

func (f *osFiles) Sync(names ...string) error {
	root, err := f.open(true)
	if err != nil {
		return f.located("", err)
	}
	parents := map[string]bool{}
	for some := range slices.Chunk(names, syncAtOnce) {
		var opened []*os.File
		for _, name := range some {
			parents[path.Dir(name)] = true
			file, openErr := root.OpenFile(name, os.O_RDWR, 0)
			switch {
			case openErr == nil:
				files.StartWriting(file)
				opened = append(opened, file)
			case !errors.Is(openErr, fs.ErrNotExist):
				err = errors.Join(err, openErr)
			}
		}
		for _, file := range opened {
			err = errors.Join(err, file.Sync(), file.Close())
		}
		if err != nil {
			return f.located("", err) // it names the files
		}
	}
	return f.located("", syncParents(root, parents))
}

func (f *osFiles) Remove(name string) error {
	root, err := f.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		f.writing.Lock()
		defer f.writing.Unlock()
		if f.last != nil { // it may be what is removed
			_ = f.last.Close()
			f.last = nil
		}
		err = root.RemoveAll(name)
	}
	return f.located(name, err)
}

func (f *osFiles) located(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("seal: write %s: %w", filepath.Join(f.dir, name), err)
}

// syncParents syncs directories and those that hold them, so that all names are durable.
func syncParents(root *os.Root, dirs map[string]bool) error {
	for dir := range dirs {
		for d := dir; ; d = path.Dir(d) {
			if d != dir && dirs[d] {
				break // it is done on its own
			}
			if err := files.SyncIn(root, d); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if d == "." {
				break
			}
		}
	}
	return nil
}
