package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readEntries returns all entries of a ledger.
func readEntries(t *testing.T, dir string) (entries []string) {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		require.Equal(t, uint64(len(entries)+1), e.Seq)
		entries = append(entries, string(e.Data))
	}
	return entries
}

// TestCopyTo copies a ledger again and again while it is written. Each copy has a beginning
// of its entries, with all that were stored before, and can be opened.
func TestCopyTo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithScrub(0))
	require.NoError(t, err)
	c, err := l.Cursor("mongodb")
	require.NoError(t, err)
	appendOne := func(i int) { //nolint:thelper // no helper
		seq, err := l.Append(context.Background(), fmt.Appendf(nil, "entry %d %0*d", i, i%3000, 0))
		assert.NoError(t, err)
		if i%7 == 0 {
			assert.NoError(t, c.Commit(seq))
		}
	}
	for i := range 50 {
		appendOne(i)
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 50; ; i++ {
			select {
			case <-stop:
				return
			default:
				appendOne(i)
			}
		}
	})
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	for n := range 5 {
		stored := l.Stats().Next - 1
		target := filepath.Join(t.TempDir(), fmt.Sprint("copy", n))
		stats, err := r.CopyTo(t.Context(), target)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, stats.Next-1, stored)
		assert.Contains(t, stats.Cursors, "mongodb")
		entries := readEntries(t, target)
		assert.Len(t, entries, int(stats.Next-1))
		restored, err := ledger.Open(target, ledger.WithScrub(0))
		require.NoError(t, err)
		assert.Empty(t, restored.Recovery().Damage)
		assert.Equal(t, stats.Next, restored.Stats().Next)
		_, err = restored.Append(t.Context(), []byte("more"))
		require.NoError(t, err)
		require.NoError(t, restored.Close())
		assert.Equal(t, append(entries, "more"), readEntries(t, target))
	}
	close(stop)
	writer.Wait()
	require.NoError(t, l.Close())
	target := filepath.Join(t.TempDir(), "copy")
	_, err = r.CopyTo(t.Context(), target)
	require.NoError(t, err)
	assert.Equal(t, readEntries(t, dir), readEntries(t, target))
	_, err = r.CopyTo(t.Context(), target)
	require.ErrorContains(t, err, "is not empty")
	require.NoError(t, r.Close())
}

// TestTrySalvage compares what a dry run says with what a salvage does, for a byte flipped
// in each file.
func TestTrySalvage(t *testing.T) {
	intact := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(intact, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithScrub(0))
	require.NoError(t, err)
	_, err = l.Cursor("mongodb")
	require.NoError(t, err)
	for range 60 {
		_, err := l.Append(t.Context(), make([]byte, 3000))
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	found, err := ledger.TrySalvage(intact)
	require.NoError(t, err)
	assert.Empty(t, found.Damage)
	assert.False(t, found.Crashed)

	names, err := filepath.Glob(filepath.Join(intact, "*"))
	require.NoError(t, err)
	for _, name := range names {
		base := filepath.Base(name)
		if base == "lock" {
			continue
		}
		for _, offsets := range [][]int64{{40}, {4096 + 40}, {40, 4096 + 40}} {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(filepath.Join(dir, "ledger"), os.DirFS(intact)))
			dir = filepath.Join(dir, "ledger")
			require.NoError(t, os.Chmod(dir, 0o700))
			flip(t, filepath.Join(dir, base), offsets...)
			before := snapshot(t, dir)
			want, tryErr := ledger.TrySalvage(dir)
			assert.Equal(t, before, snapshot(t, dir), "%s %v", base, offsets)
			l, err := ledger.Open(dir, ledger.WithSalvage(), ledger.WithScrub(0))
			require.Equal(t, err == nil, tryErr == nil, "%s %v: %v, %v", base, offsets, err, tryErr)
			if err != nil {
				continue
			}
			assert.Equal(t, texts(l.Recovery().Damage), texts(want.Damage), "%s %v", base, offsets)
			require.NoError(t, l.Close())
		}
	}
	_, err = ledger.TrySalvage(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func flip(t *testing.T, path string, offsets ...int64) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, offset := range offsets {
		if offset < int64(len(data)) {
			data[offset] ^= 0xff
		}
	}
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		files[name] = string(data)
	}
	return files
}

func texts(errs []error) (all []string) {
	for _, err := range errs {
		all = append(all, err.Error())
	}
	return all
}
