package ledger

import (
	"errors"
	"io"
	"io/fs"
)

// fileSystem is the directory of a ledger. Names are those of files in it. Tests
// replace it with one that injects faults.
type fileSystem interface { //nolint:interfacebloat // the operations of a directory
	// Create creates a file. It fails if the file exists.
	Create(name string) (file, error)
	// Open opens a file for reading and, unless the directory is read-only, for
	// writing. The error matches fs.ErrNotExist if the file does not exist.
	Open(name string) (file, error)
	// Rename renames a file that is not open. It does not replace an existing file.
	Rename(from, to string) error
	Remove(name string) error
	List() ([]string, error)
	// Sync makes changes to names durable.
	Sync() error
	// SameFile reports whether name still refers to the open file.
	SameFile(name string, f file) (bool, error)
	// Lock locks the directory for one writer, until Close. The error matches
	// ErrLocked if another writer holds the lock.
	Lock() error
	Close() error
}

// file is an open file. Its methods are safe for concurrent use.
type file interface { //nolint:interfacebloat // the operations of a file
	io.ReaderAt
	io.WriterAt
	// Sync makes the content durable.
	Sync() error
	Size() (int64, error)
	Close() error
}

// removeIfExists removes a file, and succeeds if it does not exist.
func removeIfExists(dir fileSystem, name string) error {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
