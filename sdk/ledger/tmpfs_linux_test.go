package ledger

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// TestFullDiskOfOthers has a disk with less room than a segment needs. What is left is not the
// ledger's: others who write to the disk at the same time must not find it full.
func TestFullDiskOfOthers(t *testing.T) {
	t.Parallel()
	disk := mountMemory(t, "3m")
	l := mustOpen(t, filepath.Join(disk, "ledger"), WithSegmentSize(1<<20))
	other := filepath.Join(disk, "other")
	require.NoError(t, os.WriteFile(other, make([]byte, 2<<20-256<<10), 0o600)) // more than half of a segment is left
	appendUntilFull(t, l, make([]byte, 64<<10))
	size := func(name string) int64 {
		require.ErrorIs(t, createZeroFile(l.dir, name, l.config.segmentSize), syscall.ENOSPC)
		info, err := os.Stat(filepath.Join(l.dir.Path(), name))
		require.NoError(t, err)
		require.NoError(t, l.dir.Remove(name))
		return info.Size()
	}
	assert.Zero(t, size("zeros"))
	_, err := appendOrFull(t, l, make([]byte, 64<<10))
	require.ErrorContains(t, err, "bytes are needed, and ")

	require.NoError(t, os.Remove(other))
	require.Eventually(t, func() bool {
		_, err := l.Append(t.Context(), make([]byte, 64<<10))
		return err == nil
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
}

// TestCopyToFullDisk names both directories, since either may be on the disk that is full.
func TestCopyToFullDisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, dir, WithSegmentSize(1<<20))
	mustAppend(t, l, "one")
	require.NoError(t, l.Close())
	r, err := OpenReader(dir)
	require.NoError(t, err)
	to := filepath.Join(mountMemory(t, "512k"), "copy")
	_, err = r.CopyTo(t.Context(), to)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "ledger: copy "+dir+" to "+to+": ")
	assert.NotContains(t, err.Error(), "(in ")
	require.NoError(t, r.Close())
}

// appendUntilFull returns the sequence number of the last entry that could be
// appended.
func appendUntilFull(t *testing.T, l *Ledger, entry []byte) (last uint64) {
	t.Helper()
	for {
		first, err := appendOrFull(t, l, entry)
		if err != nil {
			return last
		}
		last = first
	}
}

// appendOrFull appends the entry, or returns the error of a full disk. It gives up once the
// ledger knows that the disk is full, which takes a while on a busy machine.
func appendOrFull(t *testing.T, l *Ledger, entry []byte) (uint64, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	returned := make(chan outcome, 1)
	go func() {
		first, err := l.Append(ctx, entry)
		returned <- outcome{first: first, err: err}
	}()
	for {
		select {
		case o := <-returned:
			if o.err != nil {
				require.ErrorIs(t, o.err, ErrFull)
				require.ErrorIs(t, o.err, syscall.ENOSPC, "the cause")
			}
			return o.first, o.err
		case <-time.After(time.Millisecond):
		}
		l.mu.Lock()
		full := l.moreRoom != nil && errors.Is(l.maintainErr, syscall.ENOSPC)
		l.mu.Unlock()
		if full {
			cancel()
		}
	}
}

// TestTornOnFullDisk opens a ledger whose last frame is torn, or whose lock is gone, on a
// disk without any room. It must be readable, and free its disk.
func TestTornOnFullDisk(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string][]Option{"strict": nil, "relaxed": {WithSyncInterval(time.Millisecond)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := mountMemory(t, "4m")
			dir := filepath.Join(disk, "ledger")
			opts := append([]Option{WithRetention(0, 0)}, mode...)
			l := mustOpen(t, dir, opts...)
			_, err := l.Cursor("sink")
			require.NoError(t, err)
			entry := bytes.Repeat([]byte("x"), 20_000)
			for l.Stats().Segments < 4 {
				_, err = l.Append(t.Context(), entry)
				require.NoError(t, err)
			}
			last := mustAppend(t, l, "last")
			torn := mustAppend(t, l, strings.Repeat("torn", 1_000))
			require.NoError(t, l.Sync())
			copied := filepath.Join(disk, "copied")
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir))) // not closed, as after a crash
			require.NoError(t, l.Close())
			require.NoError(t, os.RemoveAll(dir))
			require.NoError(t, os.Chmod(copied, 0o700))
			names, err := filepath.Glob(filepath.Join(copied, "*"))
			require.NoError(t, err)
			for _, name := range names {
				require.NoError(t, os.Chmod(name, 0o600))
			}
			tear(t, filepath.Join(copied, l.active.name()), []byte("torntorn"))
			_ = os.Remove(filepath.Join(copied, spareFileName))
			fillDisk(t, filepath.Join(disk, "other"))

			for range 2 { // the first changes nothing that the second needs
				l = mustOpen(t, copied, opts...)
				require.NotNil(t, l.Recovery().Torn)
				assert.Equal(t, torn, l.Stats().Next)
				_, err = appendOrFull(t, l, entry)
				require.ErrorIs(t, err, syscall.ENOSPC)
				require.ErrorContains(t, err, copied)
				require.ErrorContains(t, err, "free space")
				require.NoError(t, l.Close())
			}

			l = mustOpen(t, copied, opts...)
			c, err := l.Cursor("sink")
			require.NoError(t, err)
			var read uint64
			for read < last {
				entries, err := c.Next(t.Context(), 100, 1<<20)
				require.NoError(t, err)
				read = entries[len(entries)-1].Seq
			}
			require.Equal(t, last, read)
			require.NoError(t, c.Commit(read))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			first, err := l.Append(ctx, []byte("after"))
			require.NoError(t, err, "the segments that the cursor has passed were removed")
			assert.Equal(t, torn, first)
			require.NoError(t, l.Close())
			l = mustOpen(t, copied, opts...)
			assert.Equal(t, Recovery{}, l.Recovery())
			assert.Equal(t, torn+1, l.Stats().Next)
		})
	}
}

// tear clears the file from the sector after the text on, as if the write of the frame
// had been interrupted.
func tear(t *testing.T, file string, text []byte) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	at := bytes.Index(content, text)
	require.Positive(t, at)
	clear(content[(at/sectorSize+1)*sectorSize:])
	require.NoError(t, os.WriteFile(file, content, 0o600))
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
