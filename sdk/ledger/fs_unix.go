//go:build unix

package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const noFollow = unix.O_NOFOLLOW

// checkOwner rejects files that others may write to and, if mine is true, files of other
// users.
func checkOwner(path string, info fs.FileInfo, mine bool) error {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%w: %s is writable by others; run chmod go-w on it", ErrInsecure, path)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if mine && ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: %s belongs to user %d, but this process runs as user %d", ErrInsecure, path, stat.Uid, os.Geteuid())
	}
	return nil
}

// lock locks the file until it is closed. It returns ErrLocked if it is locked already.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

func (d *osDir) Sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
