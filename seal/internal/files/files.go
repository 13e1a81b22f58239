// Package files stores the small files of a seal and of its witnesses: keys and checkpoints.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ErrInsecure means that other users can read a file that is secret.
var ErrInsecure = errors.New("seal: other users can read the private key")

// ReadSecret reads a file that only its owner may have access to (mode 0600 or 0400). Otherwise
// the error matches ErrInsecure.
func ReadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; run chmod 600, and make a new key if others had access", ErrInsecure, path, mode)
	}
	return os.ReadFile(path) //nolint:gosec // the file that the user names
}

// CreateKey stores the two parts of a key, durably: the private one in a new file that only its
// owner can read, and the public one in a file beside it, whose name ends in ".pub". If the file
// exists, the error matches fs.ErrExist.
func CreateKey(path, private, public string) error {
	if err := create(path, private, 0o600); err != nil {
		return err
	}
	if err := os.Remove(path + ".pub"); err != nil && !errors.Is(err, fs.ErrNotExist) { // that of a key that is gone
		return err
	}
	return create(path+".pub", public, 0o644)
}

// create stores a line in a new file.
func create(path, line string, mode fs.FileMode) error {
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

// Replace stores a file durably: after a crash it is the old one or the new one, and once Replace
// has returned nil, the new one.
func Replace(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(SyncDir(dir), dir.Close())
}
