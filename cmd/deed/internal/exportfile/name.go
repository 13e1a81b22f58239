package exportfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Reserve returns a path like the given one that no export has, is writing or has left unfinished:
// the path itself, or with a number, such as audit-2.csv. It creates the part, so that another
// export does not choose the same.
func Reserve(path string) (string, error) {
	ending := filepath.Ext(path)
	base := strings.TrimSuffix(path, ending)
	for n := 2; ; n++ {
		free, err := reserve(path)
		if free || err != nil {
			return path, err
		}
		path = base + "-" + strconv.Itoa(n) + ending
	}
}

func reserve(path string) (free bool, err error) {
	f, err := os.OpenFile(path+partSuffix, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // beside the file that the user names
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := f.Close(); err != nil {
		return false, err
	}
	for _, suffix := range []string{"", ManifestSuffix, checkpointSuffix} {
		if _, err := os.Lstat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return false, errors.Join(err, os.Remove(path+partSuffix))
		}
	}
	return true, nil
}
