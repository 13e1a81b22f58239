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

// errNotDirectory means that a part of a path is not a directory.
var errNotDirectory error = unix.ENOTDIR

// identity identifies a file of the system.
type identity struct{ device, inode uint64 }

func (i identity) same(other identity) bool { return i == other }

func identityOf(info fs.FileInfo) identity {
	stat, _ := info.Sys().(*syscall.Stat_t)
	return identity{device: uint64(stat.Dev), inode: stat.Ino} //nolint:unconvert // the type depends on the system
}

// identify returns the identity of the file at a path. It does not follow a symbolic
// link, and allocates little, since it is called for every commit.
func identify(path string) (identity, error) {
	var stat unix.Stat_t
	for {
		err := unix.Lstat(path, &stat)
		if err == unix.EINTR {
			continue
		}
		return identity{device: uint64(stat.Dev), inode: stat.Ino}, err //nolint:unconvert // the type depends on the system
	}
}

// peek opens the file at a path anew, since network file systems may serve a file that
// is open from a cache, and reads its beginning.
func peek(path string, b []byte) (int, error) {
	var fd int
	var err error
	for {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	n, err := unix.Pread(fd, b, 0)
	return max(n, 0), errors.Join(err, unix.Close(fd))
}

// unlock unlocks the file. Closing it would not, while a process that is being started
// has a copy of the descriptor.
func unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

func (d *osDir) Sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
