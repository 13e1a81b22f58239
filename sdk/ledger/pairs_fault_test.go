package ledger

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blockingFile is a file whose writes wait until release is closed.
type blockingFile struct {
	file
	release chan struct{}
}

func (s blockingFile) WriteAt(b []byte, offset int64) (int, error) {
	<-s.release
	return s.file.WriteAt(b, offset)
}

// TestPairsAppendInProgress requires that the pairs file does not store noOpenPairs
// while an entry that opens a pair is being written, even if its caller has given up.
func TestPairsAppendInProgress(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"its caller waits": time.Hour, "its caller gave up": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := testDisk()
				l := mustOpenMem(t, d, nil)
				p, _ := mustTrackPairs(t, l)
				mustOpenPair(t, p, "+1 one")
				mustAppend(t, l, "-1 ")
				until := make(chan struct{})
				l.writeMu.Lock()
				l.active.file = blockingFile{file: l.active.file, release: until}
				l.writeMu.Unlock()
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				returned := make(chan error, 1)
				go func() {
					_, err := p.Append(ctx, []byte("+2 two"))
					returned <- err
				}()
				if wait == time.Second {
					require.ErrorIs(t, <-returned, ErrMaybeStored)
				}
				for range 3 { // the first round reads the first pair
					synctest.Wait()
					notify(p.wake)
				}
				synctest.Wait()
				close(until)
				synctest.Wait()
				l = crash(t, l, d)
				_, open := mustTrackPairs(t, l)
				assert.Equal(t, []string{"+2 two"}, open)
			})
		})
	}
}

// TestPairsMaybeStored closes a ledger after an Append that returned ErrMaybeStored.
// The next process finds the entry.
func TestPairsMaybeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		f := &faults{kind: faultBurst, only: opSync, at: 1 << 30}
		l := mustOpenMem(t, d, f)
		p, _ := mustTrackPairs(t, l)
		mustOpenPair(t, p, "+1 one")
		mustAppend(t, l, "-1 ")
		synctest.Wait() // until the next segment is prepared
		f.arm()
		_, err := p.Append(t.Context(), []byte("+2 two"))
		require.ErrorIs(t, err, ErrMaybeStored)
		_ = l.Close() // may fail because of the fault
		_, open := mustTrackPairs(t, mustOpenMem(t, d, nil))
		require.Equal(t, []string{"+2 two"}, open)
	})
}

// flakyFile is a file whose writes fail while fail is set.
type flakyFile struct {
	file
	fail atomic.Bool
}

func (b *flakyFile) WriteAt(p []byte, offset int64) (int, error) {
	if b.fail.Load() {
		return 0, errFault
	}
	return b.file.WriteAt(p, offset)
}

// TestPairsIdleRetry makes the write of noOpenPairs fail. It must be retried.
func TestPairsIdleRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := mustOpenMem(t, testDisk(), nil, WithRetention(0, 0))
		p, _ := mustTrackPairs(t, l)
		mustOpenPair(t, p, "+1 one")
		mustAppend(t, l, "-1 ")
		notify(p.wake)
		synctest.Wait() // until both are read
		broken := &flakyFile{file: p.file.slots.file}
		broken.fail.Store(true)
		p.file.slots.file = broken
		notify(p.wake)
		synctest.Wait()
		for range 300 {
			mustAppend(t, l, strings.Repeat("x", 1_000))
			synctest.Wait()
		}
		assert.EqualValues(t, 1, l.Stats().First, "the file may still hold the old position")
		broken.fail.Store(false)
		time.Sleep(2 * maintainRetry) // time of the bubble
		mustAppend(t, l, strings.Repeat("x", 1_000))
		synctest.Wait()
		assert.LessOrEqual(t, l.Stats().Segments, 2)
		assert.Greater(t, l.Stats().First, uint64(200))
	})
}
