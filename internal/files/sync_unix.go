//go:build unix

package files

import (
	"errors"
	"os"
)

// SyncDir makes the names in an open directory durable.
func SyncDir(dir *os.File) error { return dir.Sync() }

// SyncPath makes the names in the directory at a path durable.
func SyncPath(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the caller chooses the directory
	if err != nil {
		return err
	}
	return errors.Join(SyncDir(dir), dir.Close())
}
