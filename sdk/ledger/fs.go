package ledger

import (
	"errors"
	"io"
	"io/fs"
)

// fileSystem is the directory of a ledger. Names are those of files in it. Tests
// replace it with one that injects faults.
type fileSystem interface { //nolint:interfacebloat // the operations of a directory
	// Path returns the absolute path of the directory, for messages.
	Path() string
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
	// Verify checks that the path of the directory still leads to the lock and to the
	// open file with the given name. An empty name checks the lock alone. If it does
	// not, the error is a *LostError.
	Verify(name string, f file) error
	// VerifyLinks checks that the lock and the open file still have a name somewhere. It
	// is cheaper than Verify, and returns the same errors.
	VerifyLinks(name string, f file) error
	// Peek opens the file anew and reads its beginning into b. If the directory's path
	// no longer leads to such a file, the error is a *LostError.
	Peek(name string, b []byte) (int, error)
	// Lock locks the directory for one writer, until Close. It reports whether the
	// lock file was missing. The error matches ErrLocked if another writer holds the
	// lock.
	Lock() (created bool, err error)
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
