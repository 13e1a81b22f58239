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

// slow is a file whose writes wait.
type slow struct {
	file
	until chan struct{}
}

func (s slow) WriteAt(b []byte, offset int64) (int, error) {
	<-s.until
	return s.file.WriteAt(b, offset)
}

// TestPairsUnderWay looks whether the file says that nothing follows while an entry is
// being written, for which its caller waits or not.
func TestPairsUnderWay(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"its caller waits": time.Hour, "its caller has gone": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := memory()
				l := openMemory(t, d, nil)
				p, _ := mustPairs(t, l)
				mustBegin(t, p, "+1 one")
				mustAppend(t, l, "-1 ")
				until := make(chan struct{})
				l.role.Lock()
				l.active.file = slow{file: l.active.file, until: until}
				l.watched = time.Now().Add(-time.Millisecond) // the file system does not know it
				l.role.Unlock()
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
				for range 3 { // rounds, of which the first finds the first pair
					synctest.Wait()
					poke(p.wake)
				}
				synctest.Wait()
				close(until)
				synctest.Wait()
				l = crash(t, l, d)
				_, open := mustPairs(t, l)
				assert.Equal(t, []string{"+2 two"}, open)
			})
		})
	}
}

// TestPairsInDoubt closes a ledger that does not know whether an entry is stored. The
// next one finds it.
func TestPairsInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory()
		f := &faults{kind: faultBurst, only: opSync, at: 1 << 30}
		l := openMemory(t, d, f)
		p, _ := mustPairs(t, l)
		mustBegin(t, p, "+1 one")
		mustAppend(t, l, "-1 ")
		synctest.Wait() // the next segment is made
		f.arm()
		_, err := p.Append(t.Context(), []byte("+2 two"))
		require.ErrorIs(t, err, ErrMaybeStored)
		_ = l.Close() // may meet the fault
		_, open := mustPairs(t, openMemory(t, d, nil))
		require.Equal(t, []string{"+2 two"}, open)
	})
}

// brittle is a file that cannot be written now and then.
type brittle struct {
	file
	now atomic.Bool
}

func (b *brittle) WriteAt(p []byte, offset int64) (int, error) {
	if b.now.Load() {
		return 0, errFault
	}
	return b.file.WriteAt(p, offset)
}

// TestPairsIdleIsTriedAgain has the file fail when it is to say that nothing follows.
func TestPairsIdleIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := openMemory(t, memory(), nil, WithRetention(0, 0))
		p, _ := mustPairs(t, l)
		mustBegin(t, p, "+1 one")
		mustAppend(t, l, "-1 ")
		poke(p.wake)
		synctest.Wait() // has read both
		broken := &brittle{file: p.file.slots.file}
		broken.now.Store(true)
		p.file.slots.file = broken
		poke(p.wake)
		synctest.Wait()
		for range 300 {
			mustAppend(t, l, strings.Repeat("x", 1_000))
			synctest.Wait()
		}
		assert.EqualValues(t, 1, l.Stats().First, "the file may say that all is to be read")
		broken.now.Store(false)
		time.Sleep(2 * keeperRetry) // of the bubble
		mustAppend(t, l, strings.Repeat("x", 1_000))
		synctest.Wait()
		assert.LessOrEqual(t, l.Stats().Segments, 2)
		assert.Greater(t, l.Stats().First, uint64(200))
	})
}

// forgetful is a file of which one sync fails, and forgets what it was to write.
type forgetful struct {
	file
	syncs int
}

func (f *forgetful) Sync() error {
	if f.syncs++; f.syncs == 1 {
		return errFault
	}
	return f.file.Sync()
}

// TestSyncThatFailed shows that no other sync of the segment succeeds: what the first
// has forgotten is not written by the second.
func TestSyncThatFailed(t *testing.T) {
	t.Parallel()
	l := openMemory(t, memory(), nil)
	s := &segment{file: &forgetful{file: l.active.file}}
	require.ErrorIs(t, s.sync(), errFault)
	require.ErrorIs(t, s.sync(), errFault)
}
