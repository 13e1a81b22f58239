package ledger_test

import (
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRemoveBefore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize))
	require.NoError(t, err)
	for range 100 {
		_, err := l.Append(t.Context(), make([]byte, 5000))
		require.NoError(t, err)
	}
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	segments, _, err := r.Segments()
	require.NoError(t, err)
	require.Greater(t, len(segments), 4)

	first, err := l.RemoveBefore(segments[2].First - 1)
	require.NoError(t, err)
	assert.Equal(t, segments[1].First, first)
	c, err := l.Cursor("slow")
	require.NoError(t, err)
	first, err = l.RemoveBefore(1000)
	require.NoError(t, err)
	assert.Equal(t, segments[1].First, first, "a cursor holds it back")
	require.NoError(t, c.Commit(segments[3].First))
	first, err = l.RemoveBefore(segments[3].First)
	require.NoError(t, err)
	assert.Equal(t, segments[3].First, first)
	require.NoError(t, l.RemoveCursor("slow"))
	first, err = l.RemoveBefore(1000)
	require.NoError(t, err)
	assert.Equal(t, segments[len(segments)-1].First, first, "the newest segment stays")
	left, _, err := r.Segments()
	require.NoError(t, err)
	assert.Len(t, left, 1)
	require.NoError(t, r.Close())
	require.NoError(t, l.Close())
	_, err = l.RemoveBefore(1)
	require.ErrorIs(t, err, ledger.ErrClosed)

	l, err = ledger.Open(dir)
	require.NoError(t, err)
	assert.Equal(t, first, l.Stats().First)
	require.NoError(t, l.Close())
}

func TestRemoveBeforeBesideRetention(t *testing.T) {
	t.Parallel()
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger"), ledger.WithRetention(0, 1<<30))
	require.NoError(t, err)
	_, err = l.RemoveBefore(0)
	require.ErrorIs(t, err, ledger.ErrOwnRetention)
	require.NoError(t, l.Close())
}
