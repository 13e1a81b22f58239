package ledger_test

import (
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReaderStats compares what a reader and the writer beside it say.
func TestReaderStats(t *testing.T) {
	dir := t.TempDir()
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithScrub(0))
	require.NoError(t, err)
	for range 300 {
		_, err := l.Append(t.Context(), make([]byte, 1000))
		require.NoError(t, err)
	}
	c, err := l.Cursor("mongodb")
	require.NoError(t, err)
	require.NoError(t, c.Commit(7))
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	for range 2 {
		stats, err := r.Stats()
		require.NoError(t, err)
		want := l.Stats()
		assert.Equal(t, want.Next, stats.Next)
		assert.Equal(t, want.First, stats.First)
		assert.Equal(t, want.Segments, stats.Segments)
		assert.Equal(t, map[string]uint64{"mongodb": 7}, stats.Cursors)
		assert.InDelta(t, want.Bytes, stats.Bytes, 4096*float64(want.Segments))
		_, err = l.Append(t.Context(), make([]byte, 1000))
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	stats, err := r.Stats()
	require.NoError(t, err)
	assert.Equal(t, uint64(303), stats.Next)
}
