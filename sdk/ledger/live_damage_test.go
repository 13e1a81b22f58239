package ledger

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
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

// TestDamageUnderCursor damages the active segment of an open ledger before a cursor has
// read it. The cursor names the entries that are lost, and continues with what is
// appended later.
func TestDamageUnderCursor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(d *memDisk, end int64)
		lost   [][2]uint64
	}{
		"the header": {damage: func(d *memDisk, _ int64) { d.names[segmentName(1)].data[100] ^= 1 }},
		"the first frame": {
			damage: func(d *memDisk, _ int64) { d.names[segmentName(1)].data[segmentHeaderSize+50] ^= 1 },
			lost:   [][2]uint64{{1, 1}},
		},
		"the last frame": {
			damage: func(d *memDisk, end int64) { d.names[segmentName(1)].data[end-20] ^= 1 },
			lost:   [][2]uint64{{3, 3}},
		},
		"the last sector, zeros": {
			damage: func(d *memDisk, end int64) { clear(d.names[segmentName(1)].data[end-8 : end]) },
			lost:   [][2]uint64{{3, 3}},
		},
		"everything": {
			damage: func(d *memDisk, _ int64) { clear(d.names[segmentName(1)].data) },
			lost:   [][2]uint64{{1, 3}},
		},
		"the file": {
			damage: func(d *memDisk, _ int64) { delete(d.names, segmentName(1)) },
			lost:   [][2]uint64{{1, 3}},
		},
	} {
		for _, last := range []int{4, 40} { // in the same segment, and also in later ones
			t.Run(fmt.Sprintf("%s, %d", name, last), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					d := testDisk()
					l := mustOpenMem(t, d, nil)
					c0, err := l.Cursor("sink")
					require.NoError(t, err)
					for i := range 3 {
						mustAppend(t, l, fmt.Sprint("entry ", i+1))
					}
					l.mu.Lock()
					end := l.syncedEnd
					l.mu.Unlock()
					c.damage(d, end)
					got, lost := nextAll(t, c0)
					require.Equal(t, c.lost, lost)
					require.Len(t, got, 3-count(c.lost))
					require.NoError(t, c0.Commit(c0.Position()))

					if name == "the file" {
						return // nothing can be appended any more
					}
					for range last - 3 {
						mustAppend(t, l, strings.Repeat("x", 9_000))
					}
					more, lost := nextAll(t, c0)
					require.Len(t, more, last-3)
					require.Empty(t, lost)
				})
			})
		}
	}
}

// badSectors is a file system whose device cannot read one sector of a file.
type badSectors struct {
	fileSystem
	name   string
	offset int64
}

type badSectorFile struct {
	file
	offset int64
}

func (d *badSectors) Open(name string) (file, error) {
	f, err := d.fileSystem.Open(name)
	if err == nil && name == d.name {
		f = &badSectorFile{f, d.offset}
	}
	return f, err
}

func (f *badSectorFile) ReadAt(b []byte, offset int64) (int, error) {
	if offset < f.offset+sectorSize && f.offset < offset+int64(len(b)) {
		return 0, &fs.PathError{Op: "read", Path: "file", Err: syscall.EIO}
	}
	return f.file.ReadAt(b, offset)
}

// TestBadSector reads a ledger from a device that cannot read one sector. That is damage
// like any other: it costs what the sector holds, and nothing waits for it.
func TestBadSector(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil, WithDenseFrames())
		fillSegments(t, l, 3)
		require.NoError(t, l.Close())
		for name, places := range map[string][]int64{
			segmentName(1): {0, 512, 21_504}, segmentName(3): {0, 512}, stateFileName: {0, slotSize},
		} {
			for _, offset := range places {
				r := &Reader{dir: &badSectors{d.open(nil), name, offset}}
				got, errs := 0, 0
				for _, err := range r.Entries(t.Context(), 0) {
					switch {
					case err == nil:
						got++
					case assert.ErrorAs(t, err, new(*CorruptError)):
						errs++
					}
				}
				lost := 1
				if offset == 0 || name == stateFileName {
					lost = 0
				}
				require.Equal(t, 7-lost, got, "%s at %d", name, offset)
				require.Equal(t, lost, errs, "%s at %d", name, offset)
			}
		}
	})
}

func count(ranges [][2]uint64) (n int) {
	for _, r := range ranges {
		n += int(r[1] - r[0] + 1)
	}
	return n
}

// nextAll returns all that a cursor delivers without waiting, and what it names as lost.
func nextAll(t *testing.T, c *Cursor) (got []uint64, lost [][2]uint64) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		entries, err := c.Next(ended, 10, 1<<20)
		if ended.Err() == err { //nolint:errorlint // returned as it is
			return got, lost
		}
		if err != nil {
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			lost = append(lost, [2]uint64{corrupt.First, corrupt.Last})
			continue
		}
		got = append(got, seqs(entries)...)
	}
}

// TestReaderWhileSegmentIsFilled fills the segment at whose end a reader stands, and
// continues in the next ones.
func TestReaderWhileSegmentIsFilled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil)
		mustAppend(t, l, "one", "two")
		lists := 0
		r := &Reader{dir: &listHook{d.open(nil), func() {
			if lists++; lists == 2 { // the reader looks whether there is more
				for range 100 {
					mustAppend(t, l, strings.Repeat("x", 2_000))
				}
			}
		}}}
		next := uint64(1)
		for e, err := range r.Entries(t.Context(), 0) {
			require.NoError(t, err)
			require.Equal(t, next, e.Seq)
			next++
		}
		require.EqualValues(t, 103, next)
	})
}

// TestReaderOvertaken removes segments that a reader has not read. It says so.
func TestReaderOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil, WithRetention(0, 0))
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 5)
		var got []uint64
		var removed []*RemovedError
		for e, err := range (&Reader{dir: d.open(nil)}).Entries(t.Context(), 0) {
			var overtaken *RemovedError
			if err != nil {
				require.ErrorAs(t, err, &overtaken)
				removed = append(removed, overtaken)
				continue
			}
			if got = append(got, e.Seq); e.Seq == 1 {
				require.NoError(t, c.Commit(9))
				synctest.Wait()
			}
		}
		assert.Equal(t, []uint64{1, 2, 3, 10, 11, 12, 13}, got, "the open segment can be read to its end")
		assert.Equal(t, []*RemovedError{{Dir: "/memory", First: 4, Last: 9}}, removed)
	})
}

// removalHook calls during after a segment was removed, once it is set.
type removalHook struct {
	fileSystem
	during atomic.Pointer[func()]
}

func (h *removalHook) Remove(name string) error {
	err := h.fileSystem.Remove(name)
	if _, ok := segmentNumber(name); ok {
		if during := h.during.Load(); during != nil {
			(*during)()
		}
	}
	return err
}

// TestNewCursorDuringRemoval creates a cursor, and reads with it, while the oldest segments
// are removed.
func TestNewCursorDuringRemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config, err := newConfig([]Option{WithSegmentSize(MinSegmentSize), WithRetention(0, 0)})
		require.NoError(t, err)
		hook := &removalHook{fileSystem: testDisk().open(nil)}
		l, err := open(hook, config)
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		c, err := l.Cursor("sink")
		require.NoError(t, err)
		fillSegments(t, l, 5)
		var got []uint64
		var lost [][2]uint64
		during := func() {
			if got == nil {
				fresh, err := l.Cursor("fresh")
				require.NoError(t, err)
				got, lost = nextAll(t, fresh)
			}
		}
		hook.during.Store(&during)
		require.NoError(t, c.Commit(6))
		synctest.Wait()
		assert.Equal(t, []uint64{7, 8, 9, 10, 11, 12, 13}, got)
		assert.Empty(t, lost)
	})
}

// TestReadersBesideWriter reads at full speed while a writer fills small segments and
// retention removes them. Nothing is damaged, so no reader and no cursor may say so.
func TestReadersBesideWriter(t *testing.T) {
	t.Parallel()
	duration := 3 * time.Second
	if testing.Short() {
		duration = 500 * time.Millisecond
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, dir, WithRetention(0, 8*MinSegmentSize), WithSyncInterval(time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	var stopped atomic.Bool
	var group sync.WaitGroup
	group.Go(func() {
		timer := time.NewTimer(duration)
		<-timer.C
		for range 100 { // until retention has removed something, on a busy machine
			if l.Stats().First > 1 {
				break
			}
			timer.Reset(duration / 5)
			<-timer.C
		}
		stopped.Store(true)
		cancel()
	})
	for size := range 4 {
		group.Go(func() {
			for !stopped.Load() {
				if _, err := l.Append(t.Context(), make([]byte, 10+size*900), []byte("x")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 3 {
		group.Go(func() { readBeside(t, dir, &stopped, i == 0) })
	}
	group.Go(func() { follow(ctx, t, l) })
	group.Go(func() {
		for i := 0; !stopped.Load(); i++ {
			name := fmt.Sprint("new-", i)
			c, err := l.Cursor(name)
			if err == nil {
				_, err = c.Next(t.Context(), 10, 1<<20)
			}
			if err == nil {
				err = l.RemoveCursor(name)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	group.Wait()
	require.NoError(t, l.Close())
	require.Greater(t, l.Stats().First, uint64(1), "retention removed something")
}

// readBeside reads with one Reader, or with a new one each time.
func readBeside(t *testing.T, dir string, stopped *atomic.Bool, fresh bool) {
	var r *Reader
	last := uint64(0)
	for !stopped.Load() {
		if r == nil || fresh {
			if r != nil {
				_ = r.Close()
			}
			var err error
			if r, err = OpenReader(dir); err != nil {
				t.Error(err)
				return
			}
		}
		for e, err := range r.Entries(t.Context(), last+1) {
			var overtaken *RemovedError
			switch {
			case err != nil && !assert.ErrorAs(t, err, &overtaken):
				return
			case err != nil:
				last = overtaken.Last
			case e.Seq <= last:
				t.Errorf("entry %d comes after entry %d", e.Seq, last)
				return
			default:
				last = e.Seq
			}
		}
	}
	_ = r.Close()
}
