package ledger

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func seqs(entries []Entry) []uint64 {
	var all []uint64
	for _, e := range entries {
		all = append(all, e.Seq)
	}
	return all
}

func TestCursorLeavesOutWhatWasCommittedBeyond(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	reopen := func() (*Ledger, *Cursor) {
		l, err := Open(dir)
		require.NoError(t, err)
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		return l, c
	}
	l, c := reopen()
	for range 10 {
		_, err := l.Append(t.Context(), []byte("x"), []byte("y"))
		require.NoError(t, err)
	}
	require.NoError(t, c.Commit(3, 5, 6, 9, 20))
	require.Error(t, c.Commit(4, 21), "it is not there")
	require.Error(t, c.Commit(4, 4), "it is not beyond")
	require.NoError(t, l.Close())

	l, c = reopen()
	assert.EqualValues(t, 3, c.Committed())
	entries, err := c.Next(t.Context(), 4, 1000)
	require.NoError(t, err)
	assert.Equal(t, []uint64{4, 7, 8, 10}, seqs(entries))
	require.NoError(t, c.Commit(4, 8), "what was beyond stays")
	require.NoError(t, l.Close())

	l, c = reopen()
	entries, err = c.Next(t.Context(), 100, 1000)
	require.NoError(t, err)
	assert.Equal(t, []uint64{7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, seqs(entries))
	require.NoError(t, c.Commit(6))
	require.NoError(t, l.Close())

	l, c = reopen()
	entries, err = c.Next(t.Context(), 100, 1000)
	require.NoError(t, err)
	assert.Equal(t, []uint64{7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, seqs(entries))
	require.NoError(t, l.Close())
}
