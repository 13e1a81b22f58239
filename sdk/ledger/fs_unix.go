//go:build unix

package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// openAt opens a file of the directory. Unlike os.Root, which prepares for much that a regular
// file does not have, it costs two system calls. It does not follow a symbolic link.
func (d *osDir) openAt(name string, flag int) (*os.File, error) {
	if name != filepath.Base(name) {
		return nil, &fs.PathError{Op: "openat", Path: name, Err: unix.EINVAL}
	}
	conn, err := d.self.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if closed := conn.Control(func(dir uintptr) {
		for err = unix.EINTR; errors.Is(err, unix.EINTR); {
			fd, err = unix.Openat(int(dir), name, flag|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		}
	}); closed != nil {
		return nil, closed
	}
	path := filepath.Join(d.path, name)
	if err != nil {
		return nil, &fs.PathError{Op: "openat", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// checkOwner rejects files that others may write to and, for a writer, files of other
// users. If a group of this process may write to a file, and that is accepted, its owner
// does not matter.
func checkOwner(path string, info fs.FileInfo, a access) error {
	stat, known := info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode().Perm(); {
	case mode&0o002 != 0:
		return fmt.Errorf("%w: %s is writable by all users; run chmod o-w on it", ErrInsecure, path)
	case mode&0o020 != 0 && !a.groupWritable:
		return fmt.Errorf("%w: %s is writable by its group; run chmod g-w on it, or accept it with ledger.WithGroupWritable if the group is the process's own, such as a Kubernetes fsGroup", ErrInsecure, path)
	case mode&0o020 != 0 && known:
		return checkGroup(path, int(stat.Gid))
	case !a.readOnly && known && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%w: %s belongs to user %d, but this process runs as user %d; change the owner, or run as that user", ErrInsecure, path, stat.Uid, os.Geteuid())
	}
	return nil
}

// checkGroup rejects a file that a group may write to which is not one of this process.
func checkGroup(path string, group int) error {
	groups, err := os.Getgroups()
	if err != nil {
		return fmt.Errorf("ledger: groups of this process: %w", err)
	}
	if group != os.Getegid() && !slices.Contains(groups, group) {
		return fmt.Errorf("%w: %s is writable by group %d, which is no group of this process; run chmod g-w on it, or chgrp", ErrInsecure, path, group)
	}
	return nil
}

// isDiskFull reports whether an operation failed for want of space.
func isDiskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

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

// hasLinks reports whether the open file has a name in some directory.
func hasLinks(f *os.File) (bool, error) {
	var stat unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &stat)
	return stat.Nlink > 0, err
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
