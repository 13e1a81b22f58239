package ledger

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seqs returns the sequence numbers of the entries.
func seqs(entries []Entry) []uint64 {
	var all []uint64
	for _, e := range entries {
		all = append(all, e.Seq)
	}
	return all
}

func TestCursorSkipsCommittedAhead(t *testing.T) {
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
	require.Error(t, c.Commit(4, 21), "not appended yet")
	require.Error(t, c.Commit(4, 4), "not ahead")
	require.NoError(t, l.Close())

	l, c = reopen()
	assert.EqualValues(t, 3, c.Committed())
	entries, err := c.Next(t.Context(), 4, 1000)
	require.NoError(t, err)
	assert.Equal(t, []uint64{4, 7, 8, 10}, seqs(entries))
	require.NoError(t, c.Commit(4, 8), "entries committed ahead are kept")
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

// TestDamagedCursor damages a cursor's file. The cursor starts again before the oldest
// entry, and the ledger says so.
func TestDamagedCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil)
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 3)
		require.NoError(t, c.Commit(5))
		require.NoError(t, l.Close())
		damaged := make([]byte, 2*slotSize)
		d.put("sink"+cursorSuffix, damaged)

		l = mustOpenMem(t, d, nil, WithRetention(0, 0))
		require.Contains(t, l.Stats().Cursors, "sink")
		require.Len(t, l.Recovery().Damage, 1)
		var corrupt *CorruptError
		require.ErrorAs(t, l.Recovery().Damage[0], &corrupt)
		assert.Equal(t, "sink"+cursorSuffix, corrupt.File)
		assert.ErrorContains(t, corrupt, "the cursor starts again before the oldest entry")
		mustAppend(t, l, "accepted")
		synctest.Wait()
		require.Equal(t, 3, l.Stats().Segments, "its position is unknown, so everything is kept")

		c, err = l.Cursor("sink")
		require.NoError(t, err)
		entries, err := c.Next(t.Context(), 1, 1)
		require.NoError(t, err)
		assert.Equal(t, []uint64{1}, seqs(entries))
		require.NoError(t, c.Commit(1))
		require.Equal(t, damaged, d.names["sink"+cursorSuffix+damagedSuffix].data, "the damaged file is kept")
		require.NoError(t, l.Close())

		l = mustOpenMem(t, d, nil)
		require.Empty(t, l.Recovery().Damage)
		c, err = l.Cursor("sink")
		require.NoError(t, err)
		assert.EqualValues(t, 1, c.Committed())
	})
}
