package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireLostFile requires that err is a *LostError for a file in dir, or for dir itself
// if the name is empty, whose message names it.
func requireLostFile(t *testing.T, err error, dir, name string) *LostError {
	t.Helper()
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, dir, lost.Dir)
	assert.Equal(t, name, lost.File)
	assert.Contains(t, lost.Error(), filepath.Join(dir, name)+" ")
	return lost
}

// removals are ways to take a file of an open ledger away. Each names the file that the
// error must name, an empty one for the directory, and anyFile if that depends on chance.
var removals = map[string]struct {
	file   string
	gone   bool // the segment or the lock has no name any more
	remove func(t *testing.T, dir string)
}{
	"the directory is removed": {anyFile, true, func(t *testing.T, dir string) {
		for os.RemoveAll(dir) != nil { // maintenance may create a file meanwhile
			t.Log("again")
		}
	}},
	"the directory is renamed": {"", false, func(t *testing.T, dir string) {
		require.NoError(t, os.Rename(dir, dir+"-old"))
	}},
	"the directory is replaced": {"", false, func(t *testing.T, dir string) {
		require.NoError(t, os.Rename(dir, dir+"-old"))
		require.NoError(t, os.Mkdir(dir, 0o700))
	}},
	"a parent is a file": {"", false, func(t *testing.T, dir string) {
		require.NoError(t, os.Rename(filepath.Dir(dir), filepath.Dir(dir)+"-old"))
		require.NoError(t, os.WriteFile(filepath.Dir(dir), nil, 0o600))
	}},
	"the lock is removed":     {lockFileName, true, remove(lockFileName)},
	"the lock is replaced":    {lockFileName, true, replaceWithCopy(lockFileName)},
	"the state is removed":    {stateFileName, false, remove(stateFileName)},
	"the state is replaced":   {stateFileName, false, replaceWithCopy(stateFileName)},
	"the segment is removed":  {segmentName(1), true, remove(segmentName(1))},
	"the segment is replaced": {segmentName(1), true, replaceWithCopy(segmentName(1))},
	"the segment is renamed": {segmentName(1), false, func(t *testing.T, dir string) {
		require.NoError(t, os.Rename(filepath.Join(dir, segmentName(1)), filepath.Join(dir, "kept")))
	}},
}

const anyFile = "*"

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, name))) }
}

func replaceWithCopy(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		file := filepath.Join(dir, name)
		replace(t, file, file)
	}
}

// TestRemovedUnderLoad takes files away while 64 goroutines append. No Append that began
// afterwards may return nil. With a sync interval that holds for files that are gone; one
// that only has another name may get more entries for some milliseconds.
func TestRemovedUnderLoad(t *testing.T) {
	t.Parallel()
	for name, removal := range removals {
		for mode, interval := range map[string]time.Duration{"strict": 0, "relaxed": time.Millisecond} {
			t.Run(name+", "+mode, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "parent", "ledger")
				l := mustOpen(t, dir, WithSegmentSize(4<<20), WithSyncInterval(interval))
				var removed atomic.Bool
				stopped := appendUntilError(l, "", &removed)
				time.Sleep(10 * time.Millisecond)
				removal.remove(t, dir)
				removed.Store(true)
				_, late, err := stopped()
				if interval == 0 || removal.gone {
					require.Empty(t, late, "Append returned nil after the removal")
				}
				var lost *LostError
				require.ErrorAs(t, err, &lost)
				if removal.file != anyFile {
					requireLostFile(t, err, dir, removal.file)
				}
				require.ErrorIs(t, l.Err(), lost)
				require.ErrorIs(t, l.Close(), lost)
			})
		}
	}
}

// appendUntilError appends entries from 64 goroutines until each gets an error. The
// function that it returns waits for that, and returns the entries that were
// acknowledged, those of them whose Append began when removed was set, and one error.
func appendUntilError(l *Ledger, prefix string, removed *atomic.Bool) func() (acked, late []string, err error) {
	var mu sync.Mutex
	var acked, late []string
	var failure error
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for n := 0; ; n++ {
				entry := fmt.Sprintf("%s%d-%d", prefix, g, n)
				after := removed.Load()
				_, err := l.Append(context.Background(), []byte(entry))
				mu.Lock()
				switch {
				case err != nil:
					failure = err
				default:
					acked = append(acked, entry)
					if after {
						late = append(late, entry)
					}
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	return func() ([]string, []string, error) {
		wg.Wait()
		return acked, late, failure
	}
}

// TestSecondWriter removes the lock under load and opens the ledger a second time. Every
// entry that either writer acknowledged must be readable.
func TestSecondWriter(t *testing.T) {
	t.Parallel()
	for round := range 8 {
		dir := filepath.Join(t.TempDir(), "ledger")
		first := mustOpen(t, dir)
		var removed atomic.Bool
		stopFirst := appendUntilError(first, "first-", &removed)
		time.Sleep(time.Duration(round) * 3 * time.Millisecond)
		require.NoError(t, os.Remove(filepath.Join(dir, lockFileName)))
		removed.Store(true)
		second := mustOpen(t, dir)
		stopSecond := appendUntilError(second, "second-", new(atomic.Bool))
		acked, late, err := stopFirst()
		require.Empty(t, late)
		requireLostFile(t, err, dir, lockFileName)
		require.Error(t, first.Close())
		time.Sleep(5 * time.Millisecond)
		require.NoError(t, second.Close())
		more, _, err := stopSecond()
		require.ErrorIs(t, err, ErrClosed)

		found := map[string]bool{}
		for _, entry := range readAll(t, dir) {
			found[entry] = true
		}
		for _, entry := range append(acked, more...) {
			require.True(t, found[entry], "%s was acknowledged", entry)
		}
		third := mustOpen(t, dir)
		require.Equal(t, Recovery{}, third.Recovery())
		require.NoError(t, third.Close())
	}
}

// TestTakenOver opens a ledger twice, as on a volume whose locks do not work. The first
// writer must notice, and everything that it acknowledged before must be known to the
// second.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ idle, interval time.Duration }{
		"strict": {0, 0}, "strict, after a pause": {time.Second, 0}, "relaxed, after a pause": {time.Second, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := testDisk()
				first := mustOpenMem(t, d, nil, WithSyncInterval(test.interval))
				mustAppend(t, first, "one")
				synctest.Wait() // maintenance has verified the ledger
				d.locked = nil
				second := mustOpenMem(t, d, nil)
				require.True(t, second.Recovery().Crashed)
				time.Sleep(test.idle)
				_, err := first.Append(t.Context(), []byte("two"))
				lost := requireLostFile(t, err, "/memory", stateFileName)
				require.Equal(t, test.idle == 0, errors.Is(err, ErrMaybeStored), "after a pause nothing is written")
				require.ErrorContains(t, err, "locks do not work")
				mustAppend(t, second, "three")
				require.ErrorIs(t, first.Close(), lost, "and leaves the state alone")
				mustAppend(t, second, "four")
				require.NoError(t, second.Close())
				require.Equal(t, []string{"one", "three", "four"}, readMem(t, d))
			})
		})
	}
}

// TestTakenOverWhileIdle requires that a writer that appends nothing notices too.
func TestTakenOverWhileIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		first := mustOpenMem(t, d, nil)
		synctest.Wait() // maintenance has verified the ledger
		d.locked = nil
		mustOpenMem(t, d, nil)
		require.NoError(t, first.Err())
		time.Sleep(maintainInterval)
		synctest.Wait()
		requireLostFile(t, first.Err(), "/memory", stateFileName)
	})
}

// TestUnverifiable makes verification fail for other reasons. The entry is stored again,
// in the next segment, and nothing is lost.
func TestUnverifiable(t *testing.T) {
	t.Parallel()
	for _, op := range []operationKind{opVerify, opPeek} {
		synctest.Test(t, func(t *testing.T) {
			d := testDisk()
			f := &faults{kind: faultNoEffect, only: op, at: 1 << 30}
			l := mustOpenMem(t, d, f)
			mustAppend(t, l, "one")
			f.arm()
			mustAppend(t, l, "two")
			_, hit := f.hitOperation()
			require.True(t, hit)
			require.NoError(t, l.Err())
			mustAppend(t, l, "three")
			require.Equal(t, []string{"one", "two", "three"}, readMem(t, d))
		})
	}
}

// TestDamagedStateIsNoTakeover damages the slot that this writer stored last, which
// leaves the slot of the writer before it.
func TestDamagedStateIsNoTakeover(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, mustOpen(t, dir).Close())
	l := mustOpen(t, dir)
	file := filepath.Join(dir, stateFileName)
	state, err := os.ReadFile(file)
	require.NoError(t, err)
	newest := int(l.stateSlots.generation % 2 * slotSize)
	state[newest+slotHeaderSize] ^= 1
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(state)
	require.NoError(t, errors.Join(err, f.Close()))
	mustAppend(t, l, "still ours")
	require.NoError(t, l.Close())
	require.Equal(t, []string{"still ours"}, readAll(t, dir))
}

// TestWorkingDirectoryChanges opens a ledger with a relative path.
func TestWorkingDirectoryChanges(t *testing.T) {
	parent := t.TempDir()
	t.Chdir(parent)
	l := mustOpen(t, "ledger")
	t.Chdir(t.TempDir())
	mustAppend(t, l, "entry")
	require.NoError(t, l.Close())
	require.Equal(t, []string{"entry"}, readAll(t, filepath.Join(parent, "ledger")))
}

// TestLinkedDirectory moves a ledger to another name while a copy of hard links takes
// its place, which changes nothing: the path leads to the same files.
func TestLinkedDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, dir)
	mustAppend(t, l, "one")
	require.NoError(t, os.Mkdir(dir+"-new", 0o700))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, os.Link(filepath.Join(dir, f.Name()), filepath.Join(dir+"-new", f.Name())))
	}
	require.NoError(t, os.Rename(dir, dir+"-old"))
	require.NoError(t, os.Rename(dir+"-new", dir))
	mustAppend(t, l, "two")
	require.Equal(t, []string{"one", "two"}, readAll(t, dir))
	require.NoError(t, l.Close())
}

// TestLockRemovedBeforeCrash removes the lock of a writer that is killed. The next writer
// cannot know that, and continues in a new segment.
func TestLockRemovedBeforeCrash(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, dir)
	mustAppend(t, l, "one")
	require.NoError(t, os.Remove(filepath.Join(dir, lockFileName)))
	next := mustOpen(t, dir)
	mustAppend(t, next, "two")
	before, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	require.NoError(t, err)
	require.False(t, bytes.Contains(before, []byte("two")))
	require.Equal(t, []string{"one", "two"}, readAll(t, dir))
}

// TestRenamedBeside renames the lock or the state. Commits compare these paths now and
// then.
func TestRenamedBeside(t *testing.T) {
	t.Parallel()
	for _, name := range []string{lockFileName, stateFileName} {
		dir := filepath.Join(t.TempDir(), "ledger")
		l := mustOpen(t, dir)
		mustAppend(t, l, "one")
		require.NoError(t, os.Rename(filepath.Join(dir, name), filepath.Join(dir, "kept")))
		time.Sleep(verifyIdle)
		_, err := l.Append(t.Context(), []byte("two"))
		requireLostFile(t, err, dir, name)
		require.Error(t, l.Close())
	}
}

// BenchmarkVerify measures what a comparison of all paths and the owner costs, what most
// commits pay, and what one without a sync pays for the links.
func BenchmarkVerify(b *testing.B) {
	l, err := Open(filepath.Join(b.TempDir(), "ledger"))
	require.NoError(b, err)
	for name, paths := range map[string]time.Time{"paths": {}, "commit": time.Now().Add(time.Hour)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.verifiedPaths = paths
				if err := l.verifyWritten(true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("links", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := l.dir.VerifyLinks(l.active.name(), l.active.file); err != nil {
				b.Fatal(err)
			}
		}
	})
	require.NoError(b, l.Close())
}

// TestLostLedgerWritesNothing takes the segment away for a moment. Afterwards the next
// writer may have read what is there, so nothing may be written or removed any more.
func TestLostLedgerWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		writes := &faults{kind: faultNoEffect, only: opWriteAt, at: 1 << 30}
		l := mustOpenMem(t, d, writes, WithSyncInterval(time.Second), WithRetention(time.Hour, 0))
		fillSegments(t, l, 3)
		d.mu.Lock()
		name := newestSegment(d)
		node := d.names[name]
		delete(d.names, name)
		d.mu.Unlock()
		time.Sleep(verifyIdle)
		_, err := l.Append(t.Context(), []byte("entry"))
		lost := requireLostFile(t, err, "/memory", name)
		d.mu.Lock()
		d.names[name] = node
		names := slices.Sorted(maps.Keys(d.names))
		d.mu.Unlock()
		count := func() int {
			writes.mu.Lock()
			defer writes.mu.Unlock()
			return writes.count
		}
		before := count()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.Equal(t, before, count())
		d.mu.Lock()
		require.Equal(t, names, slices.Sorted(maps.Keys(d.names)))
		d.mu.Unlock()
		require.ErrorIs(t, l.Close(), lost)
		require.Equal(t, before, count())
	})
}

// lockMissing is a file system whose lock was created by this process.
type lockMissing struct{ fileSystem }

func (d lockMissing) Lock() (bool, error) {
	_, err := d.fileSystem.Lock()
	return true, err
}

// TestTakeoverPause requires that only a writer that may have another one before it waits
// for that one.
func TestTakeoverPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		start := time.Now()
		reopen := func() (*memDir, *Ledger) {
			dir := d.open(nil)
			l, err := open(lockMissing{dir}, config{segmentSize: MinSegmentSize})
			require.NoError(t, err)
			return dir, l
		}
		_, l := reopen()
		require.Zero(t, time.Since(start), "a new ledger")
		require.NoError(t, l.Close())
		dir, l := reopen()
		require.Zero(t, time.Since(start), "one that was closed")
		dir.kill()
		_ = l.Close() // ends its goroutines
		_, l = reopen()
		require.Equal(t, takeoverPause, time.Since(start), "one that may be open")
		require.NoError(t, l.Close())
	})
}

// vanishing is a directory that is removed before a segment gets its name.
type vanishing struct{ *memDir }

func (d vanishing) Rename(from, to string) error {
	if _, ok := segmentNumber(to); ok && to != segmentName(1) {
		d.disk.mu.Lock()
		clear(d.disk.names)
		d.disk.mu.Unlock()
	}
	return d.memDir.Rename(from, to)
}

// TestLostBetweenSegments removes the directory while a new segment is begun.
func TestLostBetweenSegments(t *testing.T) {
	t.Parallel()
	l, err := open(vanishing{testDisk().open(nil)}, config{segmentSize: MinSegmentSize})
	require.NoError(t, err)
	mustAppend(t, l, string(make([]byte, 40_000)))
	_, err = l.Append(t.Context(), make([]byte, 40_000))
	lost := requireLostFile(t, err, "/memory", stateFileName)
	require.ErrorIs(t, l.Close(), lost)
}
