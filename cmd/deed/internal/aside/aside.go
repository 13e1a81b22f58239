// Package aside writes files whole or not at all: under another name, which is replaced last.
package aside

import (
	"errors"
	"os"
	"path/filepath"
)

// ErrHeld means that another process has locked a file.
var ErrHeld = errors.New("the file is locked")

// Replace writes a file that only its owner may read, or replaces it, at once: whoever opens the
// path finds what was there before or all of the content. The file and its name are durable.
func Replace(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return SyncDir(filepath.Dir(path))
}
