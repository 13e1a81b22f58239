package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// A sidecar is a file beside a segment, derived from its entries. Its name is the number of
// the segment, a dot, and a name that its Keeper chooses. The ledger removes it with the
// segment, and never reads it.

// sidecarName returns the name of a sidecar's file.
func sidecarName(number uint64, name string) string {
	return strings.TrimSuffix(segmentName(number), segmentSuffix) + "." + name
}

// parseSidecar returns the segment and the name of a sidecar's file.
func parseSidecar(file string) (number uint64, name string, ok bool) {
	digits, name, _ := strings.Cut(file, ".")
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, name, err == nil && ValidSidecar(name) && sidecarName(number, name) == file
}

// ValidSidecar reports whether a sidecar can have the name: 1 to 64 lower-case letters,
// digits and hyphens, of which the first is a letter. The names "segment", "cursor", "new" and
// "damaged" are the ledger's.
func ValidSidecar(name string) bool {
	if name == "" || len(name) > 64 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	switch "." + name {
	case segmentSuffix, cursorSuffix, temporarySuffix, damagedSuffix:
		return false
	}
	return true
}

// sidecarFiles returns the names of the sidecars of each segment.
func sidecarFiles(dir fileSystem) (map[uint64][]string, error) {
	files, err := dir.List()
	if err != nil {
		return nil, err
	}
	names := map[uint64][]string{}
	for _, file := range files {
		if number, name, ok := parseSidecar(file); ok {
			names[number] = append(names[number], name)
		}
	}
	return names, nil
}

// Sidecar is an open sidecar.
type Sidecar interface {
	io.ReaderAt
	io.Closer
	// Size returns the size of the file, in bytes.
	Size() (int64, error)
}

// Sidecars returns the names of the sidecars of each segment, by its number. Some may be those
// of segments that are gone.
func (r *Reader) Sidecars() (map[uint64][]string, error) {
	names, err := sidecarFiles(r.dir)
	return names, r.locateAny(err)
}

// OpenSidecar opens a sidecar for reading. The error matches fs.ErrNotExist if there is none.
// What it holds may be anything: nobody but its Keeper knows what it should be.
func (r *Reader) OpenSidecar(segment uint64, name string) (Sidecar, error) {
	if !ValidSidecar(name) {
		return nil, fmt.Errorf("ledger: %q is no name of a sidecar: %w", name, fs.ErrNotExist)
	}
	f, err := r.dir.Open(sidecarName(segment, name))
	if err != nil {
		return nil, r.locateAny(fmt.Errorf("ledger: %w", err))
	}
	return f, nil
}

// locateAny is locate, but accepts nil.
func (r *Reader) locateAny(err error) error {
	if err == nil {
		return nil
	}
	return r.locate(err)
}

// writeSidecar stores a sidecar, in place of an older one. It is durable, or the older one or
// none is there.
func writeSidecar(dir fileSystem, number uint64, name string, write func(io.Writer) error) (err error) {
	file := sidecarName(number, name)
	temporary := file + temporarySuffix
	if err := removeIfExists(dir, temporary); err != nil {
		return err
	}
	f, err := dir.Create(temporary)
	if err != nil {
		return err
	}
	err = write(&fileWriter{file: f})
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = removeIfExists(dir, file)
	}
	if err == nil {
		err = dir.Rename(temporary, file)
	}
	if err != nil {
		return errors.Join(err, removeIfExists(dir, temporary))
	}
	return dir.Sync()
}

// fileWriter writes a file from its beginning.
type fileWriter struct {
	file file
	at   int64
}

func (w *fileWriter) Write(b []byte) (int, error) {
	n, err := w.file.WriteAt(b, w.at)
	w.at += int64(n)
	return n, err
}
