package ledger

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readAll returns what a reader finds in dir.
func readAll(t *testing.T, dir string) []string {
	t.Helper()
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	var all []string
	next := uint64(1)
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		require.Equal(t, next, e.Seq, "dense")
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
			assert.Equal(t, want, readAll(t, dir), "beside the writer")
		}
	}
	assert.Greater(t, l.Stats().Segments, 2)
	require.NoError(t, l.Close())
	assert.Equal(t, want, readAll(t, dir))

	l, err = Open(dir, WithSegmentSize(MinSegmentSize))
	require.NoError(t, err)
	assert.Equal(t, Recovery{}, l.Recovered())
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
