package ledger

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEntrySizes(t *testing.T) {
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

func TestEntryFillsSegment(t *testing.T) {
	t.Parallel()
	l := mustOpenMem(t, testDisk(), nil)
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

// fillToMaxSize appends until the ledger is full, and requires that entry want is the
// last one that fits.
func fillToMaxSize(t *testing.T, size int64, want uint64) {
	l := mustOpenMem(t, testDisk(), nil, WithMaxSize(size), WithRetention(0, 0), WithDenseFrames())
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
		synctest.Wait() // until the next segment is prepared
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
		require.Fail(t, "Append returned without room")
	default:
	}
	require.NoError(t, c.Commit(last))
	require.Equal(t, last+1, <-done)
	require.Less(t, l.Stats().Bytes, size)
}

// TestHungSync makes a sync hang for a minute.
func TestHungSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		f := &faults{kind: faultHang, only: opSync, at: math.MaxInt32, hang: time.Minute}
		l := mustOpenMem(t, d, f)
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
		require.NoError(t, c.Commit(1), "reading continues")
		assert.EqualValues(t, 2, l.Stats().Next)
		require.Equal(t, 2*time.Second, time.Since(start))
		require.NoError(t, l.Close())
		require.Equal(t, time.Minute, time.Since(start), "Close waits for the sync")
		_, err = l.Append(t.Context(), []byte("four"))
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, l.Close(), ErrClosed)
		require.Equal(t, []string{"one", "two", "three"}, readMem(t, d), "both were stored")
	})
}

// TestSmallerSegments opens a ledger of large segments with a smaller segment size.
func TestSmallerSegments(t *testing.T) {
	t.Parallel()
	d := testDisk()
	l := mustOpenMem(t, d, nil, WithSegmentSize(4*MinSegmentSize))
	mustAppend(t, l, "one")
	require.NoError(t, l.Close())
	l = mustOpenMem(t, d, nil)
	assert.Equal(t, 2, l.Stats().Segments, "frames must fit into the next segment if they are carried over")
	assert.EqualValues(t, 2, mustAppend(t, l, "two"))
	require.Equal(t, []string{"one", "two"}, readMem(t, d))
}

// TestHungSyncBetweenSegments makes the disk hang while a ledger with a sync interval
// begins the next segment.
func TestHungSyncBetweenSegments(t *testing.T) {
	t.Parallel()
	for _, op := range []operationKind{opSync, opRename, opSyncDir} {
		synctest.Test(t, func(t *testing.T) {
			d := testDisk()
			f := &faults{kind: faultHang, only: op, at: math.MaxInt32, hang: time.Minute}
			l := mustOpenMem(t, d, f, WithSyncInterval(time.Hour))
			mustAppend(t, l, string(make([]byte, 60_000)))
			synctest.Wait() // until the next segment is prepared
			f.arm()
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := l.Append(ctx, make([]byte, 10_000))
			require.ErrorIs(t, err, ErrMaybeStored)
			require.Equal(t, time.Second, time.Since(start))
			time.Sleep(time.Hour)
			require.EqualValues(t, 3, l.Stats().Next, "it was stored later")
		})
	}
}
