package ledger

import (
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// countedTypes are the types of file systems that know how much can be written. The free space
// of others depends on how they will store it.
var countedTypes = []int64{unix.EXT4_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.XFS_SUPER_MAGIC}

// checkRoom returns an error that matches ENOSPC if the disk has certainly less than size bytes
// left for f. An attempt would fail all the same, but first take what is left from everybody.
func checkRoom(f *os.File, size int64) error {
	var stat unix.Statfs_t
	asked := withFD(f, func(fd int) error { return unix.Fstatfs(fd, &stat) }) == nil
	if !asked || stat.Blocks == 0 || !slices.Contains(countedTypes, int64(uint32(stat.Type))) {
		return nil // not known, or without a limit
	}
	blocks := stat.Bavail
	if os.Geteuid() == 0 {
		blocks = stat.Bfree // with those that are reserved
	}
	if free := blocks * uint64(stat.Bsize); free < uint64(size) {
		return &fs.PathError{Op: "write", Path: f.Name(), Err: fmt.Errorf("%w: %d bytes are needed, and %d are free", unix.ENOSPC, size, free)}
	}
	return nil
}
