package ledger

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// droppingFile is a file that drops what it fails to sync, as some file systems do: what is
// read afterwards is what was there at the last sync.
type droppingFile struct {
	*memFile
	fail atomic.Bool
	keep int // how many sectors of it are kept all the same
}

func (f *droppingFile) Sync() error {
	if !f.fail.Load() {
		return f.memFile.Sync()
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	kept := 0
	for _, sector := range f.node.dirty {
		if kept++; kept > f.keep {
			f.node.revert(sector)
		}
	}
	f.node.clean()
	return errFault
}

// TestDroppedBySync makes a sync fail that drops what was acknowledged since the last one.
// The entries are named as lost, and those that are appended later are stored.
func TestDroppedBySync(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{0, 1, 4, 9, 1_000} {
		for _, rotates := range []string{"Sync", "the interval", "Append", "Close"} {
			t.Run(fmt.Sprintf("%d sectors kept, %s", keep, rotates), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { dropBySync(t, keep, rotates) })
			})
		}
	}
}

func dropBySync(t *testing.T, keep int, rotates string) {
	d := testDisk()
	var mu sync.Mutex
	var reported []*CorruptError
	l := mustOpenMem(t, d, nil, WithSyncInterval(time.Hour), WithDamageHandler(func(e *CorruptError) {
		mu.Lock()
		defer mu.Unlock()
		reported = append(reported, e)
	}))
	mustAppend(t, l, "one")
	require.NoError(t, l.Sync())
	l.writeMu.Lock()
	broken := &droppingFile{memFile: l.active.file.(*memFile), keep: keep}
	l.active.file = broken
	l.writeMu.Unlock()
	const last = 11
	for i := range last - 1 {
		mustAppend(t, l, fmt.Sprint(i+2, " ", string(make([]byte, 600))))
	}
	broken.fail.Store(true)
	var err error
	switch rotates {
	case "Sync":
		err = l.Sync()
		require.NoError(t, l.Sync(), "once")
	case "the interval":
		time.Sleep(time.Hour)
		synctest.Wait()
		err = l.Sync()
	case "Append":
		mustAppend(t, l, string(make([]byte, MinSegmentSize-1_000)))
		err = l.Sync()
	case "Close":
		err = l.Close()
	}
	lost := uint64(0)
	if keep < 1_000 {
		var corrupt *CorruptError
		require.ErrorAs(t, err, &corrupt)
		require.EqualValues(t, last, corrupt.Last)
		require.ErrorContains(t, err, "/memory")
		lost = corrupt.Last - corrupt.First + 1
	} else {
		require.NoError(t, err)
	}
	next := uint64(last + 1)
	if rotates != "Close" {
		require.NoError(t, l.Err())
		next = mustAppend(t, l, "next") + 1
		require.NoError(t, l.Sync())
		time.Sleep(time.Minute) // the scrub
		synctest.Wait()
		mu.Lock()
		if lost > 0 {
			require.Len(t, reported, 1)
			assert.Equal(t, [2]uint64{last - lost + 1, last}, [2]uint64{reported[0].First, reported[0].Last})
		}
		mu.Unlock()
		require.NoError(t, l.Close())
	}
	for range 2 {
		l = mustOpenMem(t, d, nil)
		got, gone := readDamaged(t, d, "")
		require.Len(t, got, int(next-1-lost))
		require.True(t, lost == 0 && len(gone) == 0 || len(gone) == 1 && gone[0].First == last-lost+1 && gone[0].Last == last, "%v", gone)
		require.Equal(t, next, mustAppend(t, l, "after"))
		next++
		require.NoError(t, l.Close())
	}
}

// TestRoomAfterFailedSync makes the sync of an interval fail, which begins a new segment.
// Append may fill it.
func TestRoomAfterFailedSync(t *testing.T) {
	t.Parallel()
	l := mustOpenMem(t, testDisk(), nil, WithSyncInterval(time.Hour))
	mustAppend(t, l, string(make([]byte, 40_000)))
	require.NoError(t, l.Sync())
	mustAppend(t, l, "entry")
	l.writeMu.Lock()
	l.active.file = &failOnceFile{file: l.active.file}
	l.writeMu.Unlock()
	require.NoError(t, l.Sync(), "it was carried over")
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Len(t, l.extents, 2)
	require.Equal(t, l.active.capacity-l.end, l.room)
	require.Equal(t, l.totalSize(), l.bytes)
}

// losingFile is a segment that is replaced while it is synced.
type losingFile struct {
	*memFile
	name string
}

func (f *losingFile) Sync() error {
	f.disk.mu.Lock()
	f.disk.names[f.name] = &inode{}
	f.disk.mu.Unlock()
	return f.memFile.Sync()
}

// TestSegmentLostDuringRotation removes a segment while it is synced, before the next one
// begins. The caller of Sync must not get nil.
func TestSegmentLostDuringRotation(t *testing.T) {
	t.Parallel()
	l := mustOpenMem(t, testDisk(), nil, WithSyncInterval(time.Hour))
	mustAppend(t, l, "entry")
	l.writeMu.Lock()
	l.active.file = &losingFile{l.active.file.(*memFile), segmentName(1)}
	err := l.rotate()
	l.writeMu.Unlock()
	require.ErrorAs(t, err, new(*LostError))
	require.ErrorAs(t, l.Sync(), new(*LostError))
}

// TestDroppedOnFullDisk has no room for the segment that follows the gap, for a moment.
// Nothing is appended before that segment, where a reader would not expect a gap.
func TestDroppedOnFullDisk(t *testing.T) {
	t.Parallel()
	d := testDisk()
	f := &faults{kind: faultNoEffect, only: opCreate, at: 1 << 30}
	l := mustOpenMem(t, d, f, WithSyncInterval(time.Hour))
	mustAppend(t, l, "one")
	require.NoError(t, l.Sync())
	l.writeMu.Lock()
	broken := &droppingFile{memFile: l.active.file.(*memFile), keep: 4}
	l.active.file = broken
	l.writeMu.Unlock()
	for range 5 {
		mustAppend(t, l, string(make([]byte, 600)))
	}
	broken.fail.Store(true)
	f.mu.Lock()
	f.at = f.count + 2
	f.mu.Unlock()
	require.ErrorIs(t, l.Sync(), errFault)
	require.EqualValues(t, 7, mustAppend(t, l, "next"))
	require.NoError(t, l.Close())
	l = mustOpenMem(t, d, nil)
	got, lost := readDamaged(t, d, "")
	require.Len(t, lost, 1)
	require.Equal(t, "next", got[7])
	require.Len(t, got, 7-int(lost[0].Last-lost[0].First+1))
	require.EqualValues(t, 8, mustAppend(t, l, "after"))
}
