package archive

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
)

// Store keeps objects under names. It never changes one: an object is stored once, read, and
// deleted. Implementations are safe for concurrent use. Package storetest tests them.
//
// A name has parts that are joined by slashes. A part has 1 to 128 of the characters a-z,
// 0-9, dot, underscore and hyphen, and does not start with a dot; see [ValidName].
type Store interface {
	// Put stores an object of the given size, durably. If Put returns nil, the object is
	// complete. After an error it is complete or does not exist. If an object with the name
	// exists, Put changes nothing, and the error matches fs.ErrExist. If content ends early,
	// the error matches io.ErrUnexpectedEOF.
	Put(ctx context.Context, name string, content io.ReadSeeker, size int64) error
	// ReadAt reads the bytes of an object that start at an offset into p, as io.ReaderAt
	// does: if it reads fewer, the error is io.EOF or says why. If there is no such
	// object, the error matches fs.ErrNotExist.
	ReadAt(ctx context.Context, name string, p []byte, offset int64) (int, error)
	// List returns an iterator over the objects whose names start with prefix, sorted by
	// name. It ends after an error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes an object, durably. It returns nil if the object does not exist.
	Delete(ctx context.Context, name string) error
}

// Object describes an object of a Store.
type Object struct {
	Name string
	Size int64 // in bytes
}

// ValidName reports whether an object can have the name.
func ValidName(name string) bool {
	if len(name) > 512 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || len(part) > 128 || part[0] == '.' || strings.ContainsFunc(part, isForbidden) {
			return false
		}
	}
	return true
}

func isForbidden(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}

// errName returns the error for a name that no object can have.
func errName(name string) error {
	return fmt.Errorf("archive: %q is no name of an object: %w", name, fs.ErrInvalid)
}

// find returns the object with the name. The error matches fs.ErrNotExist if it does not exist.
func find(ctx context.Context, store Store, name string) (Object, error) {
	if !ValidName(name) {
		return Object{}, errName(name)
	}
	for o, err := range store.List(ctx, name) {
		if err != nil {
			return Object{}, err
		}
		if o.Name == name {
			return o, nil
		}
		break // sorted, so it would have been the first
	}
	return Object{}, fmt.Errorf("archive: %s: %w", name, fs.ErrNotExist)
}
