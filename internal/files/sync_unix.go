//go:build unix

package files

import (
	"errors"
	"os"
)

// SyncPath makes the names in the directory at a path durable.
func SyncPath(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the caller chooses the directory
	return syncDir(dir, err)
}

// SyncIn makes the names in a directory of root durable.
func SyncIn(root *os.Root, dir string) error {
	opened, err := root.Open(dir)
	return syncDir(opened, err)
}

func syncDir(dir *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
