// Package files stores small files so that they outlast a crash, and knows who else may use them.
package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// temporaryMark stands between the name of a file and random digits in the name of its temporary.
const temporaryMark = ".tmp-"

// Replace stores a file durably: after a crash it is the old one or the new one, and once Replace
// has returned nil, the new one. A process that is killed meanwhile may leave a temporary file, see
// IsTemporary.
func Replace(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+temporaryMark+"*")
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
	return SyncPath(filepath.Dir(path))
}

// IsTemporary reports whether a file is one that an interrupted Replace has left, by its name, and
// returns the name of the file that it was for.
func IsTemporary(name string) (of string, ok bool) {
	rest, hidden := strings.CutPrefix(name, ".")
	at := strings.LastIndex(rest, temporaryMark)
	if !hidden || at <= 0 {
		return "", false
	}
	digits := rest[at+len(temporaryMark):]
	return rest[:at], digits != "" && strings.Trim(digits, "0123456789") == ""
}

// IsShared reports whether others than the owner of a file or directory have any access to it. On
// Windows it reports false: access lists decide there, which a mode does not show.
func IsShared(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}
