package ledger

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
)

// TrySalvage returns what Open with WithSalvage would report: what it would repair, and
// every entry that would be lost. It changes nothing, needs no lock, and reads the whole
// ledger if there is damage. Beside a writer, the entries that are being written may look
// as if a crash had interrupted them. If the ledger is intact, Damage is empty.
func TrySalvage(dir string, opts ...Option) (Recovery, error) {
	c, err := newConfig(append(slices.Clip(opts), WithSalvage(), WithScrub(0)))
	if err != nil {
		return Recovery{}, err
	}
	c.keeper, c.retain = nil, false
	base, err := openDir(dir, access{readOnly: true, groupWritable: c.groupWritable})
	if err != nil {
		return Recovery{}, err
	}
	files, err := base.List()
	if err == nil && len(segmentFiles(files)) == 0 {
		_, err = base.root.Lstat(stateFileName)
		if errors.Is(err, fs.ErrNotExist) {
			err = locate(errors.Join(errNoLedger, fs.ErrNotExist), base.Path())
		}
	}
	if err != nil {
		return Recovery{}, errors.Join(err, base.Close())
	}
	l, err := openIn(context.Background(), &dryDir{osDir: base, files: map[string]*dryFile{}}, c)
	if err != nil {
		return Recovery{}, err
	}
	found := l.Recovery()
	return found, l.Close()
}

// dryDir is a directory whose changes stay in memory.
type dryDir struct {
	*osDir

	mu    sync.Mutex
	files map[string]*dryFile // opened or created; nil: removed
}

func (d *dryDir) Create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, known := d.files[name]
	if !known {
		_, err := d.root.Lstat(name)
		known = err == nil
	} else {
		known = f != nil
	}
	if known {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	d.files[name] = &dryFile{}
	return d.files[name], nil
}

func (d *dryDir) Open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open(name)
}

func (d *dryDir) open(name string) (*dryFile, error) {
	if f, known := d.files[name]; f != nil {
		return f, nil
	} else if known {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	base, err := d.osDir.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := base.Size()
	if err != nil {
		return nil, errors.Join(err, base.Close())
	}
	d.files[name] = &dryFile{base: base, baseSize: size, size: size}
	return d.files[name], nil
}

func (d *dryDir) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.open(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, err)
	}
	f, err := d.open(from)
	if err != nil {
		return err
	}
	d.files[from], d.files[to] = nil, f
	return nil
}

func (d *dryDir) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.open(name)
	if err != nil {
		return err
	}
	d.files[name] = nil
	return f.closeBase()
}

func (d *dryDir) List() ([]string, error) {
	names, err := d.osDir.List()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, name := range names {
		if _, known := d.files[name]; !known {
			all = append(all, name)
		}
	}
	for name, f := range d.files {
		if f != nil {
			all = append(all, name)
		}
	}
	return all, nil
}

func (*dryDir) Sync() error                                  { return nil }
func (*dryDir) VerifyLock() error                            { return nil }
func (*dryDir) Verify(string, file) error                    { return nil }
func (*dryDir) VerifyLinks(string, file) error               { return nil }
func (*dryDir) Lock() (created bool, err error)              { return false, nil }
func (*dryDir) Peek(_ string, f file, b []byte) (int, error) { return readBeginning(f, b) }

func (d *dryDir) Close() error {
	var errs []error
	for _, f := range d.files {
		if f != nil {
			errs = append(errs, f.closeBase())
		}
	}
	return errors.Join(append(errs, d.osDir.Close())...)
}

// dryPage is the unit in which what was written is kept.
const dryPage = 4096

// dryFile is a file whose changes stay in memory.
type dryFile struct {
	base     file // nil for a new one
	baseSize int64

	mu    sync.Mutex
	size  int64
	pages map[int64][]byte // by their number
}

func (f *dryFile) Size() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size, nil
}

// Sync and Close do nothing: the file may be opened again.
func (*dryFile) Sync() error  { return nil }
func (*dryFile) Close() error { return nil }

func (f *dryFile) closeBase() error {
	if f.base == nil {
		return nil
	}
	return f.base.Close()
}

func (f *dryFile) ReadAt(b []byte, offset int64) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if offset >= f.size {
		return 0, io.EOF
	}
	if rest := f.size - offset; int64(len(b)) > rest {
		b, err = b[:rest], io.EOF
	}
	clear(b)
	if offset < f.baseSize {
		part := b[:min(int64(len(b)), f.baseSize-offset)]
		if n, baseErr := f.base.ReadAt(part, offset); n < len(part) {
			return n, baseErr
		}
	}
	if len(f.pages) == 0 {
		return len(b), err
	}
	for at := offset - offset%dryPage; at < offset+int64(len(b)); at += dryPage {
		if page := f.pages[at/dryPage]; page != nil {
			copy(b[max(0, at-offset):], page[max(0, offset-at):])
		}
	}
	return len(b), err
}

func (f *dryFile) WriteAt(b []byte, offset int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pages == nil {
		f.pages = map[int64][]byte{}
	}
	for done := 0; done < len(b); {
		at := offset + int64(done)
		number, within := at/dryPage, at%dryPage
		part := b[done:min(len(b), done+int(dryPage-within))]
		done += len(part)
		page := f.pages[number]
		if page == nil {
			if number*dryPage >= f.baseSize && allZero(part) {
				continue // as a page is that nobody has written
			}
			page = make([]byte, dryPage)
			if rest := f.baseSize - number*dryPage; rest > 0 {
				if n, err := f.base.ReadAt(page[:min(rest, dryPage)], number*dryPage); n < int(min(rest, dryPage)) {
					return done - len(part), err
				}
			}
			f.pages[number] = page
		}
		copy(page[within:], part)
	}
	f.size = max(f.size, offset+int64(len(b)))
	return len(b), nil
}
