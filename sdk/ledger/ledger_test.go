package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readAll returns all entries of the ledger in dir.
func readAll(t *testing.T, dir string) []string {
	t.Helper()
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	var all []string
	next := uint64(1)
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		require.Equal(t, next, e.Seq, "no gaps")
		next++
		all = append(all, string(e.Data))
	}
	return all
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	l, err := Open(dir, WithSegmentSize(MinSegmentSize))
	require.NoError(t, err)
	var want []string
	for i := range 500 {
		a, b := fmt.Sprintf("entry %d", i), ""
		for range i {
			b += "x"
		}
		first, err := l.Append(t.Context(), []byte(a), []byte(b))
		require.NoError(t, err)
		require.EqualValues(t, 2*i+1, first)
		want = append(want, a, b)
		if i%100 == 0 {
			assert.Equal(t, want, readAll(t, dir), "while the writer is open")
		}
	}
	assert.Greater(t, l.Stats().Segments, 2)
	require.NoError(t, l.Close())
	assert.Equal(t, want, readAll(t, dir))

	l, err = Open(dir, WithSegmentSize(MinSegmentSize))
	require.NoError(t, err)
	assert.Equal(t, Recovery{}, l.Recovery())
	c, err := l.Cursor("all")
	require.NoError(t, err)
	var got []string
	for len(got) < len(want) {
		entries, err := c.Next(t.Context(), 7, 1000)
		require.NoError(t, err)
		for _, e := range entries {
			got = append(got, string(e.Data))
			require.EqualValues(t, len(got), e.Seq)
		}
	}
	assert.Equal(t, want, got)
	require.NoError(t, c.Commit(uint64(len(got))))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = c.Next(ctx, 1, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, l.Close())
}

// open opens the ledger in dir.
func open(dir fileSystem, c config) (*Ledger, error) { return openIn(context.Background(), dir, c) }

// mustOpenMem opens a ledger with small segments on a disk in memory.
func mustOpenMem(t *testing.T, d *memDisk, f *faults, opts ...Option) *Ledger {
	t.Helper()
	c, err := newConfig(append([]Option{WithSegmentSize(MinSegmentSize)}, opts...))
	require.NoError(t, err)
	l, err := open(d.open(f), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func testDisk() *memDisk { return newMemDisk(rand.New(rand.NewPCG(1, 2))) }

// readMem returns the entries of an undamaged ledger.
func readMem(t *testing.T, d *memDisk) []string {
	t.Helper()
	var all []string
	for e, err := range (&Reader{dir: d.open(nil)}).Entries(t.Context(), 0) {
		require.NoError(t, err)
		all = append(all, string(e.Data))
	}
	return all
}

func fillSegments(t *testing.T, l *Ledger, segments int) {
	t.Helper()
	for l.Stats().Segments < segments {
		mustAppend(t, l, strings.Repeat("x", 20_000))
	}
}

// mustOpen opens a ledger with small segments. The test closes it at the end.
func mustOpen(t *testing.T, dir string, opts ...Option) *Ledger {
	t.Helper()
	l, err := Open(dir, append([]Option{WithSegmentSize(MinSegmentSize)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func mustAppend(t *testing.T, l *Ledger, entries ...string) uint64 {
	t.Helper()
	var all [][]byte
	for _, e := range entries {
		all = append(all, []byte(e))
	}
	first, err := l.Append(t.Context(), all...)
	require.NoError(t, err)
	return first
}

// fourSegments returns a ledger with four segments of three entries each, the last one
// with two.
func fourSegments(t *testing.T, dir string) *Ledger {
	t.Helper()
	l := mustOpen(t, dir)
	for i := range 11 {
		mustAppend(t, l, fmt.Sprint(i+1, strings.Repeat("x", MinSegmentSize/4)))
	}
	require.Equal(t, 4, l.Stats().Segments)
	return l
}
