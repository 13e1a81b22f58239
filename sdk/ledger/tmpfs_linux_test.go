package ledger

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mountMemory mounts a tmpfs of the given size.
func mountMemory(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("ledger-test", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skipf("cannot mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// TestFullDisk fills a disk with a ledger and another file, frees the ledger's
// segments by committing, and appends again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := mountMemory(t, "16m")
	dir := filepath.Join(disk, "ledger")
	l := mustOpen(t, dir, WithSegmentSize(4<<20), WithRetention(0, 0))
	c, err := l.Cursor("sink")
	require.NoError(t, err)
	entry := make([]byte, 256<<10)
	entry[0] = 1
	last := appendUntilFull(t, l, entry)
	fillDisk(t, filepath.Join(disk, "other"))
	require.Greater(t, last, uint64(20))

	require.NoError(t, c.Commit(last-1), "a cursor needs no disk space")
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		first, err := l.Append(ctx, entry)
		cancel()
		require.NoError(t, err)
		require.Equal(t, last+1, first)
		last = first
		require.NoError(t, c.Commit(last))
	}
	require.NoError(t, l.Close())
	l = mustOpen(t, dir)
	assert.Equal(t, Recovery{}, l.Recovery())
	assert.Equal(t, last+1, mustAppend(t, l, "more"))
	require.NoError(t, os.Remove(filepath.Join(disk, "other")))
}

// appendUntilFull returns the sequence number of the last entry that could be
// appended.
func appendUntilFull(t *testing.T, l *Ledger, entry []byte) (last uint64) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		first, err := l.Append(ctx, entry)
		cancel()
		if err != nil {
			require.ErrorIs(t, err, ErrFull)
			require.ErrorIs(t, err, syscall.ENOSPC, "the cause")
			require.NotErrorIs(t, err, ErrMaybeStored)
			return last
		}
		last = first
	}
}

func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4<<10))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
}

func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	disk := mountMemory(t, "4m")
	dir := filepath.Join(disk, "ledger")
	l := mustOpen(t, dir)
	mustAppend(t, l, "one", "two")
	require.NoError(t, l.Close())
	require.NoError(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err := Open(dir)
	require.ErrorIs(t, err, syscall.EROFS)
	assert.Equal(t, []string{"one", "two"}, readAll(t, dir))
}
