//go:build !windows

package aside

import (
	"errors"
	"os"
)

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the user names it
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
