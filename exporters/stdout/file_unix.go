//go:build unix

package stdout

import (
	"os"
	"syscall"
)

// isRemoved reports whether no directory has the file any more.
func isRemoved(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}
