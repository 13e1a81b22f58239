package ledger

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openMemory opens a ledger of small segments on a disk in memory.
func openMemory(t *testing.T, d *disk, f *faults, opts ...Option) *Ledger {
	t.Helper()
	c, err := newConfig(append([]Option{WithSegmentSize(MinSegmentSize)}, opts...))
	require.NoError(t, err)
	l, err := open(d.open(f), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func memory() *disk { return newDisk(rand.New(rand.NewPCG(1, 2))) }

func TestSizesOfEntries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/ledger"
	l := mustOpen(t, dir, WithSegmentSize(MaxEntrySize+1<<20))
	assert.EqualValues(t, 0, mustAppend(t, l), "nothing")
	assert.EqualValues(t, 1, mustAppend(t, l, ""))
	assert.EqualValues(t, 2, mustAppend(t, l, "", "", ""))
	largest := strings.Repeat("x", MaxEntrySize)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first, err := l.Append(ctx, []byte(largest))
	require.NoError(t, err)
	assert.EqualValues(t, 5, first)
	_, err = l.Append(ctx, []byte(largest+"x"))
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = l.Append(ctx, []byte(largest), make([]byte, 1<<20))
	require.ErrorIs(t, err, ErrTooLarge, "together")
	assert.EqualValues(t, 6, mustAppend(t, l, "more"))
	require.NoError(t, l.Close())
	assert.Equal(t, []string{"", "", "", "", largest, "more"}, readAll(t, dir))
}

func TestMaxSizeOfASegment(t *testing.T) {
	t.Parallel()
	l := openMemory(t, memory(), nil)
	fits := MinSegmentSize - segmentHeaderSize - frameHeaderSize - frameTrailerSize - entryOverhead
	mustAppend(t, l, "first")
	assert.EqualValues(t, 2, mustAppend(t, l, strings.Repeat("x", fits)))
	_, err := l.Append(t.Context(), make([]byte, fits+1))
	require.ErrorIs(t, err, ErrTooLarge)
	assert.EqualValues(t, 3, mustAppend(t, l, strings.Repeat("y", fits)))
}

func TestMaxSize(t *testing.T) {
	t.Parallel()
	for size, last := range map[int64]uint64{2 * MinSegmentSize: 12, 170_000: 16} {
		synctest.Test(t, func(t *testing.T) { fillToMaxSize(t, size, last) })
	}
}

// fillToMaxSize appends until the ledger is full, which it is with so many entries.
func fillToMaxSize(t *testing.T, size int64, want uint64) {
	l := openMemory(t, memory(), nil, WithMaxSize(size), WithRetention(0, 0))
	c, err := l.Cursor("sink")
	require.NoError(t, err)
	entry := bytes.Repeat([]byte("x"), 10_000)
	var last uint64
	for err == nil {
		var first uint64
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if first, err = l.Append(ctx, entry); err == nil {
			last = first
		}
		cancel()
		synctest.Wait() // for the next segment
	}
	require.ErrorIs(t, err, ErrFull)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, want, last)
	require.LessOrEqual(t, l.Stats().Bytes, size)

	done := make(chan uint64)
	go func() {
		first, err := l.Append(t.Context(), entry)
		assert.NoError(t, err)
		done <- first
	}()
	synctest.Wait()
	select {
	case <-done:
		require.Fail(t, "there was no room")
	default:
	}
	require.NoError(t, c.Commit(last))
	require.Equal(t, last+1, <-done)
	require.Less(t, l.Stats().Bytes, size)
}

// TestHungSync has a sync hang for a minute.
func TestHungSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory()
		f := &faults{kind: faultHang, only: opSync, at: math.MaxInt32, hang: time.Minute}
		l := openMemory(t, d, f)
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		mustAppend(t, l, "one")
		synctest.Wait()
		f.arm()
		start := time.Now()
		for _, entry := range []string{"two", "three"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := l.Append(ctx, []byte(entry))
			cancel()
			require.ErrorIs(t, err, ErrMaybeStored)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.NoError(t, c.Commit(1), "who reads goes on")
		assert.EqualValues(t, 2, l.Stats().Next)
		require.Equal(t, 2*time.Second, time.Since(start))
		require.NoError(t, l.Close())
		require.Equal(t, time.Minute, time.Since(start), "Close waits for it")
		_, err = l.Append(t.Context(), []byte("four"))
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, l.Close(), ErrClosed)
		require.Equal(t, []string{"one", "two", "three"}, readMemory(t, d), "both were stored")
	})
}

// TestHungRemoval has the removal of segments hang, and goes on appending.
func TestHungRemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &faults{kind: faultHang, only: opSyncDir, at: math.MaxInt32, hang: time.Minute}
		l := openMemory(t, memory(), f, WithRetention(0, 0))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 3)
		start := time.Now()
		f.arm()
		require.NoError(t, c.Commit(6))
		synctest.Wait()
		_, met := f.metOne()
		require.True(t, met)
		mustAppend(t, l, "entry")
		require.EqualValues(t, 9, l.Stats().Next)
		require.Zero(t, time.Since(start))
	})
}

// readMemory returns what a reader finds on a disk without damage.
func readMemory(t *testing.T, d *disk) []string {
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

func TestRetentionByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := openMemory(t, memory(), nil, WithRetention(time.Hour, 0))
		fillSegments(t, l, 3)
		time.Sleep(59 * time.Minute)
		require.Equal(t, 3, l.Stats().Segments)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, 1, l.Stats().Segments)
		require.EqualValues(t, 7, l.Stats().First)
	})
}

func TestRetentionBySize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := openMemory(t, memory(), nil, WithRetention(0, 3*MinSegmentSize))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 6)
		time.Sleep(2 * keeperRound)
		require.Equal(t, 6, l.Stats().Segments, "the cursor holds it back")
		require.NoError(t, c.Commit(8))
		synctest.Wait()
		require.Equal(t, 4, l.Stats().Segments, "it holds back the third one")
		require.NoError(t, l.RemoveCursor("sink"))
		synctest.Wait()
		require.Equal(t, 3, l.Stats().Segments, "the rest is small enough")
	})
}

// TestClockJumpsBack opens a ledger of today at the beginning of the year 2000, which
// is the time in a synctest bubble.
func TestClockJumpsBack(t *testing.T) {
	t.Parallel()
	d := memory()
	l := openMemory(t, d, nil)
	fillSegments(t, l, 3)
	entries := int(l.Stats().Next) - 1
	require.NoError(t, l.Close())
	synctest.Test(t, func(t *testing.T) {
		l := openMemory(t, d, nil, WithRetention(time.Hour, 0))
		mustAppend(t, l, "in 2000")
		time.Sleep(24 * time.Hour)
		require.Len(t, readMemory(t, d), entries+1, "nothing is as old as it looks")
		require.NoError(t, l.Close())
	})
	l = openMemory(t, d, nil)
	require.Equal(t, Recovery{}, l.Recovered())
	mustAppend(t, l, "today")
	require.Len(t, readMemory(t, d), entries+2)
}

// TestDamagedCursor is what somebody does whose cursor file is damaged.
func TestDamagedCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory()
		l := openMemory(t, d, nil)
		_, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 3)
		require.NoError(t, l.Close())
		d.put("sink"+cursorSuffix, make([]byte, 2*slotSize))

		l = openMemory(t, d, nil, WithRetention(0, 0))
		require.Contains(t, l.Cursors(), "sink")
		_, err = l.Cursor("sink")
		var corrupt *CorruptError
		require.ErrorAs(t, err, &corrupt)
		assert.Equal(t, "sink"+cursorSuffix, corrupt.Segment)
		assert.ErrorContains(t, err, "RemoveCursor")
		mustAppend(t, l, "still taken")
		synctest.Wait()
		require.Equal(t, 3, l.Stats().Segments, "nobody knows what it has")

		require.NoError(t, l.RemoveCursor("sink"))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		assert.Equal(t, l.Stats().First-1, c.Committed())
		synctest.Wait()
		require.NoError(t, l.Close())
		l = openMemory(t, d, nil)
		_, err = l.Cursor("sink")
		require.NoError(t, err)
	})
}

// TestSmallerSegments opens a ledger of large segments with small ones.
func TestSmallerSegments(t *testing.T) {
	t.Parallel()
	d := memory()
	l := openMemory(t, d, nil, WithSegmentSize(4*MinSegmentSize))
	mustAppend(t, l, "one")
	require.NoError(t, l.Close())
	l = openMemory(t, d, nil)
	assert.Equal(t, 2, l.Stats().Segments, "what is written must fit into the next one, if need be")
	assert.EqualValues(t, 2, mustAppend(t, l, "two"))
	require.Equal(t, []string{"one", "two"}, readMemory(t, d))
}
