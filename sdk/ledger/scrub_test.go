package ledger

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScrub damages segments that nobody reads. Each place is reported once.
func TestScrub(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		var mu sync.Mutex // for the race detector: a sleep orders nothing
		var reported []*CorruptError
		found := func() []*CorruptError {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(reported)
		}
		l := mustOpenMem(t, d, nil, WithScrub(64<<10), WithDamageHandler(func(e *CorruptError) {
			mu.Lock()
			defer mu.Unlock()
			reported = append(reported, e)
		}))
		fillSegments(t, l, 6)
		d.mu.Lock()
		d.names[segmentName(2)].data[100] ^= 1    // header
		d.names[segmentName(3)].data[30_000] ^= 1 // entry 8
		delete(d.names, segmentName(5))           // entries 13 to 15
		d.mu.Unlock()
		time.Sleep(scrubDelay - time.Second)
		synctest.Wait()
		require.Empty(t, found(), "it has not started")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Len(t, found(), 3)
		byFile := map[string]*CorruptError{}
		for _, e := range found() {
			byFile[e.File] = e
		}
		require.Len(t, byFile, 3)
		assert.Equal(t, [2]uint64{8, 8}, [2]uint64{byFile[segmentName(3)].First, byFile[segmentName(3)].Last})
		assert.Equal(t, [2]uint64{13, 15}, [2]uint64{byFile[segmentName(5)].First, byFile[segmentName(5)].Last})
		assert.Equal(t, 3, l.Stats().Damaged)
		time.Sleep(3 * scrubInterval)
		synctest.Wait()
		assert.Len(t, found(), 3)

		// Readers and later writers know when everything was read last.
		stats := l.Stats()
		assert.WithinRange(t, stats.Scrubbed, time.Now().Add(-scrubInterval), time.Now())
		assert.Equal(t, 3, stats.ScrubDamaged)
		r := &Reader{dir: d.open(nil)}
		seen, err := r.Stats()
		require.NoError(t, err)
		assert.Equal(t, stats.Scrubbed.UnixNano(), seen.Scrubbed.UnixNano())
		assert.Equal(t, 3, seen.ScrubDamaged)
		mustAppend(t, l, "accepted")
	})
}

// TestScrubbedIsRead keeps when a scrub ended, unless it was that of another ledger or is
// damaged.
func TestScrubbedIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil, WithScrub(64<<10))
		require.Zero(t, l.Stats().Scrubbed)
		time.Sleep(2 * scrubDelay)
		synctest.Wait()
		ended := l.Stats().Scrubbed
		require.NotZero(t, ended)
		require.NoError(t, l.Close())
		l = mustOpenMem(t, d, nil, WithScrub(0))
		require.Equal(t, ended.UnixNano(), l.Stats().Scrubbed.UnixNano())
		require.NoError(t, l.Close())
		for _, damage := range []func(b []byte){
			func(b []byte) { b[24+8] ^= 1; b[slotSize+24+8] ^= 1 }, // the ID, without its checksum
			func(b []byte) { clear(b) },
		} {
			d.mu.Lock()
			damage(d.names[scrubFileName].data)
			d.mu.Unlock()
			l = mustOpenMem(t, d, nil, WithScrub(0))
			require.Zero(t, l.Stats().Scrubbed)
			require.NoError(t, l.Close())
		}
	})
}

// TestScrubRate requires that a scrub reads no faster than it may.
func TestScrubRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rate = 1_000
		l := mustOpenMem(t, testDisk(), nil, WithScrub(rate))
		fillSegments(t, l, 20)
		start := time.Now()
		l.scrubAll()
		least := time.Duration(l.Stats().Bytes/rate) * time.Second
		assert.InDelta(t, least.Seconds(), time.Since(start).Seconds(), 2*scrubStep/rate)
	})
}

func TestScrubStopsAtClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := mustOpenMem(t, testDisk(), nil, WithScrub(1))
		fillSegments(t, l, 20)
		time.Sleep(2 * scrubDelay)
		start := time.Now()
		require.NoError(t, l.Close())
		require.Zero(t, time.Since(start))
	})
}

// TestFullNamesCursor fills a ledger that an unused cursor holds back.
func TestFullNamesCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := mustOpenMem(t, testDisk(), nil, WithRetention(0, 0), WithMaxSize(3*MinSegmentSize))
		_, err := l.Cursor("unused")
		require.NoError(t, err)
		used, err := l.Cursor("used")
		require.NoError(t, err)
		fill := func() (uint64, error) {
			for {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				seq, err := l.Append(ctx, []byte(strings.Repeat("x", 20_000)))
				cancel()
				if err != nil {
					return seq, err
				}
				require.NoError(t, used.Commit(seq))
			}
		}
		_, err = fill()
		require.ErrorIs(t, err, ErrFull)
		require.ErrorContains(t, err, "unused (at entry 0 of ")
		require.NotContains(t, err.Error(), " used (")
		require.ErrorContains(t, err, "RemoveCursor")
		require.Contains(t, l.Stats().Cursors, "unused")

		require.NoError(t, l.RemoveCursor("unused"))
		synctest.Wait()
		mustAppend(t, l, "accepted again")
	})
}

// exhausted is a file system of a process that has no descriptors left while it is set.
type exhausted struct {
	fileSystem
	set atomic.Bool
}

func (d *exhausted) Open(name string) (file, error) {
	if d.set.Load() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	return d.fileSystem.Open(name)
}

// TestScrubWithoutDescriptors runs out of descriptors while a scrub runs. That is no
// damage; the scrub continues when there are some.
func TestScrubWithoutDescriptors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		dir := &exhausted{fileSystem: d.open(nil)}
		c, err := newConfig([]Option{WithSegmentSize(MinSegmentSize)})
		require.NoError(t, err)
		l, err := open(dir, c)
		require.NoError(t, err)
		fillSegments(t, l, 3)
		d.mu.Lock()
		d.edit(segmentName(2))[30_000] ^= 1
		d.mu.Unlock()
		dir.set.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Zero(t, l.Stats().Damaged)
		dir.set.Store(false)
		time.Sleep(2 * scrubDelay)
		synctest.Wait()
		require.Equal(t, 1, l.Stats().Damaged)
		require.NoError(t, l.Close())
	})
}

// TestScrubSlots damages one slot of each file that has two.
func TestScrubSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		var mu sync.Mutex // for the race detector: a sleep orders nothing
		var found []string
		l := mustOpenMem(t, d, nil, WithDamageHandler(func(e *CorruptError) {
			mu.Lock()
			defer mu.Unlock()
			found = append(found, e.File)
			assert.ErrorContains(t, e, "/memory")
		}))
		mustTrackPairs(t, l)
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		mustAppend(t, l, "one", "two")
		damage := func(name string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.edit(name)[slotSize+30] ^= 1
		}
		time.Sleep(scrubInterval)
		for _, name := range []string{stateFileName, pairsFileName, "sink" + cursorSuffix} {
			damage(name)
		}
		time.Sleep(scrubInterval + time.Minute)
		synctest.Wait()
		mu.Lock()
		assert.ElementsMatch(t, []string{stateFileName, pairsFileName, "sink" + cursorSuffix}, found)
		mu.Unlock()
		require.NoError(t, c.Commit(1))
		require.NoError(t, c.Commit(2))
		require.Equal(t, 3, l.Stats().Damaged)
		require.NoError(t, l.Close())
		l = mustOpenMem(t, d, nil)
		require.Empty(t, l.Recovery().Damage)
	})
}

// TestScrubWhileSlotsAreWritten finds a slot that is being written. That is no damage.
func TestScrubWhileSlotsAreWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil)
		time.Sleep(scrubDelay - time.Second)
		d.mu.Lock()
		d.edit(stateFileName)[30] ^= 1
		d.mu.Unlock()
		time.Sleep(2 * time.Second)
		d.mu.Lock()
		d.edit(stateFileName)[30] ^= 1
		d.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Zero(t, l.Stats().Damaged)
	})
}
