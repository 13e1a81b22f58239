// Package keyfile stores the keys of a seal and of its witnesses.
package keyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opendeed/audit/internal/files"
)

// ErrInsecure means that other users can read a file that is secret.
var ErrInsecure = errors.New("seal: other users can read the private key")

// Read reads a file that only its owner may have access to (mode 0600 or 0400). Otherwise
// the error matches ErrInsecure.
func Read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; deed keygen makes a key", err)
	}
	if err != nil {
		return nil, err
	}
	if files.IsShared(info) {
		return nil, fmt.Errorf("%w: %s has mode %04o; run chmod 600, and make a new key if others had access", ErrInsecure, path, info.Mode().Perm())
	}
	return os.ReadFile(path) //nolint:gosec // the file that the user names
}

// Create stores the two parts of a key, durably: the private one in a new file that only its
// owner can read, and the public one in a file beside it, whose name ends in ".pub". If the file
// exists, the error matches fs.ErrExist.
func Create(path, private, public string) error {
	if err := write(path, private, 0o600); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; a key is never replaced, so name another file", err)
	} else if err != nil {
		return err
	}
	if err := os.Remove(path + ".pub"); err != nil && !errors.Is(err, fs.ErrNotExist) { // that of a key that is gone
		return err
	}
	if err := write(path+".pub", public, 0o644); err != nil {
		return err
	}
	return files.SyncName(path)
}

// write stores a line in a new file.
func write(path, line string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode) //nolint:gosec // the file that the user names
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
