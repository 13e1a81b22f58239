//go:build !windows

package exportfile

import (
	"errors"
	"os"
)

// syncDir makes a new name in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // of the file that the user names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
