package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MakeDir creates a directory and its parents, with permissions for their owner only, unless they
// exist. Its name and theirs are durable.
//
// Marker is a file that the directory has once it is in use. Without it, the parent is synced also
// if the directory exists, since a process that created it may have stopped before it synced that.
func MakeDir(dir, marker string) error {
	unsynced := unsyncedNames(dir, marker)
	if err := os.MkdirAll(filepath.Clean(dir), 0o700); err != nil {
		return err
	}
	for _, name := range unsynced {
		if err := SyncName(name); err != nil {
			return err
		}
	}
	return nil
}

// SyncName makes the name of a file or directory durable, by syncing the directory that it is in.
// Who may not list that cannot sync it, which is no error.
func SyncName(path string) error {
	parent := filepath.Dir(path)
	if err := SyncPath(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("sync %s, in which %s was created: %w", parent, filepath.Base(path), err)
	}
	return nil
}

// unsyncedNames returns what to sync once dir exists: the directories that must be created, and a
// dir without its marker.
func unsyncedNames(dir, marker string) (names []string) {
	dir = filepath.Clean(dir)
	for at := dir; ; at = filepath.Dir(at) {
		probe := at
		if at == dir {
			probe = filepath.Join(dir, marker)
		}
		if _, err := os.Lstat(probe); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return names
		}
		names = append(names, at)
	}
}
