package ledger

import (
	"errors"
	"io"
	"io/fs"
)

// fileSystem is what the ledger needs of its directory. Names are those of files in
// it. The tests put one in its place that fails.
type fileSystem interface { //nolint:interfacebloat // a directory is what it is
	// Create makes a file that must not exist.
	Create(name string) (file, error)
	// Open opens a file for reading and, unless the file system is read-only,
	// writing. fs.ErrNotExist matches the error where there is none.
	Open(name string) (file, error)
	// Rename renames a file that is not open. It replaces nothing.
	Rename(from, to string) error
	Remove(name string) error
	List() ([]string, error)
	// Sync makes the names durable.
	Sync() error
	// Is reports whether the name still leads to the open file.
	Is(name string, f file) (bool, error)
	// Lock takes the directory for one writer, until Close.
	Lock() error
	Close() error
}

// file is an open file. Its methods may be called by several goroutines at the same
// time.
type file interface { //nolint:interfacebloat // so is a file
	io.ReaderAt
	io.WriterAt
	// Sync makes what was written durable.
	Sync() error
	Size() (int64, error)
	Close() error
}

// discard removes a file that may not be there.
func discard(dir fileSystem, name string) error {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
