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
	// VerifyLock checks that the path of the directory still leads to the lock. If it
	// does not, the error is a *LostError.
	VerifyLock() error
	// Verify is VerifyLock for the open file with the given name.
	Verify(name string, f file) error
	// VerifyLinks checks that the lock and the open file still have a name somewhere. It
	// is cheaper than VerifyLock and Verify, and returns the same errors.
	VerifyLinks(name string, f file) error
	// Peek reads the beginning of the open file with the given name into b. Where another
	// machine may write it, Peek looks for the file anew, and the error is a *LostError if
	// the directory's path does not lead to one.
	Peek(name string, f file, b []byte) (int, error)
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
