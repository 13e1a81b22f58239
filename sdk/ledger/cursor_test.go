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

// TestDamagedCursor recovers from a damaged cursor file with RemoveCursor.
func TestDamagedCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil)
		_, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 3)
		require.NoError(t, l.Close())
		d.put("sink"+cursorSuffix, make([]byte, 2*slotSize))

		l = mustOpenMem(t, d, nil, WithRetention(0, 0))
		require.Contains(t, l.CursorNames(), "sink")
		_, err = l.Cursor("sink")
		var corrupt *CorruptError
		require.ErrorAs(t, err, &corrupt)
		assert.Equal(t, "sink"+cursorSuffix, corrupt.File)
		assert.ErrorContains(t, err, "RemoveCursor")
		mustAppend(t, l, "accepted")
		synctest.Wait()
		require.Equal(t, 3, l.Stats().Segments, "its position is unknown")

		require.NoError(t, l.RemoveCursor("sink"))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		assert.Equal(t, l.Stats().First-1, c.Committed())
		synctest.Wait()
		require.NoError(t, l.Close())
		l = mustOpenMem(t, d, nil)
		_, err = l.Cursor("sink")
		require.NoError(t, err)
	})
}
