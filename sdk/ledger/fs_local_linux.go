package ledger

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// zfsMagic is the type of ZFS, which is not part of the kernel.
const zfsMagic = 0x2fc12fc1

// localTypes are the types of file systems to which this machine alone writes. What it
// reads from an open file is what was written last.
var localTypes = []int64{
	unix.BTRFS_SUPER_MAGIC, unix.EXT4_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC,
	unix.TMPFS_MAGIC, unix.XFS_SUPER_MAGIC, zfsMagic,
}

// isLocal reports whether the file is certainly on a file system to which this machine
// alone writes.
func isLocal(f *os.File) bool {
	var stat unix.Statfs_t
	err := withFD(f, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	return err == nil && slices.Contains(localTypes, int64(uint32(stat.Type)))
}
