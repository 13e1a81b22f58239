package ledger

import (
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetentionByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := mustOpenMem(t, testDisk(), nil, WithRetention(time.Hour, 0))
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
		l := mustOpenMem(t, testDisk(), nil, WithRetention(0, 3*MinSegmentSize))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 6)
		time.Sleep(2 * maintainInterval)
		require.Equal(t, 6, l.Stats().Segments, "the cursor holds it back")
		require.NoError(t, c.Commit(8))
		synctest.Wait()
		require.Equal(t, 4, l.Stats().Segments, "the cursor still holds back the third segment")
		require.NoError(t, l.RemoveCursor("sink"))
		synctest.Wait()
		require.Equal(t, 3, l.Stats().Segments, "the rest is below the size")
	})
}

// TestClockJumpsBack creates a ledger with the current time and opens it in the year
// 2000, the time in a synctest bubble.
func TestClockJumpsBack(t *testing.T) {
	t.Parallel()
	d := testDisk()
	l := mustOpenMem(t, d, nil)
	fillSegments(t, l, 3)
	entries := int(l.Stats().Next) - 1
	require.NoError(t, l.Close())
	synctest.Test(t, func(t *testing.T) {
		l := mustOpenMem(t, d, nil, WithRetention(time.Hour, 0))
		mustAppend(t, l, "in 2000")
		time.Sleep(59 * time.Minute)
		require.Len(t, readMem(t, d), entries+1, "no entry is an hour old")
		require.NoError(t, l.Close())
	})
	l = mustOpenMem(t, d, nil)
	require.Equal(t, Recovery{}, l.Recovery())
	mustAppend(t, l, "today")
	require.Len(t, readMem(t, d), entries+2)
}

// TestHungRemoval makes the removal of segments hang. Append must not wait for it.
func TestHungRemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &faults{kind: faultHang, only: opSyncDir, at: math.MaxInt32, hang: time.Minute}
		l := mustOpenMem(t, testDisk(), f, WithRetention(0, 0))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 3)
		start := time.Now()
		f.arm()
		require.NoError(t, c.Commit(6))
		synctest.Wait()
		_, hit := f.hitOperation()
		require.True(t, hit)
		mustAppend(t, l, "entry")
		require.EqualValues(t, 9, l.Stats().Next)
		require.Zero(t, time.Since(start))
	})
}

// verifyHook calls before once, before a segment is verified.
type verifyHook struct {
	fileSystem
	before atomic.Pointer[func()]
}

func (h *verifyHook) Verify(name string, f file) error {
	if name != "" {
		if before := h.before.Swap(nil); before != nil {
			(*before)()
		}
	}
	return h.fileSystem.Verify(name, f)
}

// TestRemovalAfterIntervalSync fills, commits and removes segments as soon as an
// interval's sync has returned. A segment that retention removes is not a lost file.
func TestRemovalAfterIntervalSync(t *testing.T) {
	t.Parallel()
	config, err := newConfig([]Option{
		WithSegmentSize(MinSegmentSize), WithRetention(0, 0), WithSyncInterval(20 * time.Millisecond),
	})
	require.NoError(t, err)
	hook := &verifyHook{fileSystem: testDisk().open(nil)}
	l, err := open(hook, config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	c, err := l.Cursor("sink")
	require.NoError(t, err)
	mustAppend(t, l, "entry")

	done := make(chan struct{})
	before := func() {
		go func() {
			defer close(done)
			for l.Stats().Segments < 3 {
				_, err := l.Append(t.Context(), make([]byte, 20_000))
				assert.NoError(t, err)
			}
			last := l.Stats().Next - 1
			assert.NoError(t, l.Sync())
			assert.NoError(t, c.Commit(last))
			for range 100 {
				if l.Stats().First > 1 {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		select { // writers may have to wait until the segment is verified
		case <-done:
		case <-time.After(200 * time.Millisecond):
		}
	}
	hook.before.Store(&before)
	<-done
	time.Sleep(50 * time.Millisecond) // more intervals
	require.NoError(t, l.Err())
	mustAppend(t, l, "another entry")
	require.NoError(t, l.Close())
}
