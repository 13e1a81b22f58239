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
	unsynced := unsyncedParents(dir, marker)
	if err := os.MkdirAll(filepath.Clean(dir), 0o700); err != nil {
		return err
	}
	for _, parent := range unsynced {
		// Who may not list the parent cannot sync it.
		if err := SyncPath(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("sync %s, in which the directory was created: %w", parent, err)
		}
	}
	return nil
}

// unsyncedParents returns the directories to sync once dir exists: the parents of what must be
// created, and that of a dir without its marker.
func unsyncedParents(dir, marker string) (parents []string) {
	dir = filepath.Clean(dir)
	for at := dir; ; at = filepath.Dir(at) {
		probe := at
		if at == dir {
			probe = filepath.Join(dir, marker)
		}
		if _, err := os.Lstat(probe); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return parents
		}
		parents = append(parents, filepath.Dir(at))
	}
}
