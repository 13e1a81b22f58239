package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// faultyLedger is a ledger of several segments, with cursors and open pairs, of which
// tests damage one file.
type faultyLedger struct {
	*memDisk
	config    config
	entries   map[uint64]string
	last      uint64
	open      []string // entries that opened a pair which is open
	committed uint64   // position of the cursor "sink"
	crashed   bool
	opened    *Ledger // closed if the test fails
}

func newFaulty(t *testing.T, crashed bool) *faultyLedger {
	t.Helper()
	l := &faultyLedger{
		memDisk: newMemDisk(rand.New(rand.NewPCG(5, 6))), config: config{segmentSize: 8 << 10, dense: true}, // small, for speed
		entries: map[uint64]string{}, crashed: crashed,
	}
	t.Cleanup(func() {
		if l.opened != nil {
			_ = l.opened.Close()
		}
	})
	dir := l.memDisk.open(nil)
	w, err := open(dir, l.config)
	require.NoError(t, err)
	_, err = w.Cursor("other")
	require.NoError(t, err)
	l.fill(t, w, 75, 900)
	require.NoError(t, w.Close())
	dir = l.memDisk.open(nil)
	w, err = open(dir, l.config) // the older copy of the state now says that it was closed
	require.NoError(t, err)
	l.fill(t, w, 8, 9)
	require.GreaterOrEqual(t, w.Stats().Segments, 4)
	if crashed {
		dir.kill()
		_ = w.Close()
	} else {
		require.NoError(t, w.Close())
	}
	return l
}

// fill appends n entries of at most that many random bytes. Some open pairs or close them,
// and a cursor follows.
func (l *faultyLedger) fill(t *testing.T, w *Ledger, n, size int) {
	t.Helper()
	pairs, _ := mustTrackPairs(t, w)
	sink, err := w.Cursor("sink")
	require.NoError(t, err)
	for range n {
		i := len(l.entries)
		text := fmt.Sprintf("%d %s", i, strings.Repeat("y", 1+l.rand.IntN(size)))
		switch i % 20 {
		case 7:
			text = fmt.Sprintf("+%d %s", i/20, text)
			l.last = mustOpenPair(t, pairs, text)
			l.open = append(l.open, text)
		case 17:
			if i < 40 { // the later ones stay open
				text, l.open = fmt.Sprintf("-%d %s", i/20, text), nil
			}
			l.last = mustAppend(t, w, text)
		default:
			l.last = mustAppend(t, w, text)
		}
		l.entries[l.last] = text
		if i%9 == 8 {
			entries, err := sink.Next(t.Context(), 6, 1<<20)
			require.NoError(t, err)
			l.committed = entries[len(entries)-1].Seq
			require.NoError(t, sink.Commit(l.committed))
		}
	}
}

// fault is one change to one file. data is nil if the file is removed.
type fault struct {
	name, file string
	data       []byte
	zeros      bool // it looks like an interrupted write
}

// randomFault flips a bit, fills a sector with zeros, cuts a file, or removes it.
func (l *faultyLedger) randomFault(r *rand.Rand) fault {
	files := slices.Sorted(maps.Keys(l.names))
	file := files[r.IntN(len(files))]
	data := bytes.Clone(l.names[file].data)
	f := fault{file: file}
	kind := r.IntN(10)
	if len(data) == 0 {
		kind = 9
	}
	switch at := r.IntN(max(len(data), 1)); kind {
	case 7:
		at = at / sectorSize * sectorSize
		clear(data[at : at+sectorSize])
		f.name, f.data, f.zeros = fmt.Sprintf("zeros at %d of %s", at, file), data, true
	case 8:
		f.name, f.data = fmt.Sprintf("%s cut at %d", file, at), data[:at]
	case 9:
		f.name = file + " removed"
	default:
		if used := len(bytes.TrimRight(data, "\x00")); kind < 5 && used > 0 {
			at = r.IntN(used)
		}
		bit := r.IntN(8)
		data[at] ^= 1 << bit
		f.name, f.data = fmt.Sprintf("bit %d of byte %d of %s flipped", bit, at, file), data
	}
	return f
}

func (l *faultyLedger) with(f fault) *memDisk {
	d := l.clone()
	if f.data == nil {
		delete(d.names, f.file)
		delete(d.durable, f.file)
	} else {
		d.put(f.file, f.data)
	}
	return d
}

// TestSingleFault damages one file of a ledger. What was acknowledged must then be read
// once, or be named as lost; a consumer must get it at least once. If the ledger does not
// open, its error names the directory and the way out, and that way works.
func TestSingleFault(t *testing.T) {
	t.Parallel()
	rounds := 1_500
	if sampled() {
		rounds = 300
	}
	for _, crashed := range []bool{false, true} {
		t.Run(fmt.Sprintf("crashed %t", crashed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // readers wait for frames that may become complete
				l := newFaulty(t, crashed)
				r := rand.New(rand.NewPCG(7, 8))
				for range rounds {
					l.check(t, l.randomFault(r))
				}
			})
		})
	}
}

// TestSlotsDamaged flips bits of each slot of each file that has them.
func TestSlotsDamaged(t *testing.T) {
	t.Parallel()
	for _, crashed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newFaulty(t, crashed)
			for _, file := range []string{stateFileName, pairsFileName, "sink" + cursorSuffix, "other" + cursorSuffix} {
				s, _, err := openSlotFile(l.memDisk.open(nil), file)
				require.NoError(t, err)
				require.Equal(t, 2, s.intact, "%s: both slots are written at once", file)
				for at := 0; at < 2*slotSize; at += 37 {
					if at%slotSize > slotHeaderSize+maxSlotValue {
						continue
					}
					data := bytes.Clone(l.names[file].data)
					data[at] ^= 1 << (at % 8)
					l.check(t, fault{name: fmt.Sprintf("byte %d of %s", at, file), file: file, data: data})
				}
			}
		})
	}
}

// FuzzSingleFault replaces a file of a ledger by arbitrary bytes.
//
//fuzz:inputs 2000
func FuzzSingleFault(f *testing.F) {
	for i := range uint8(12) {
		f.Add(i, uint32(i)*100, []byte{i})
	}
	f.Add(uint8(3), uint32(0), []byte("ODEDSLOT"))
	f.Fuzz(func(t *testing.T, file uint8, offset uint32, content []byte) {
		synctest.Test(t, func(t *testing.T) {
			l := newFaulty(t, file%2 == 0)
			files := slices.Sorted(maps.Keys(l.names))
			name := files[int(file/2)%len(files)]
			data := bytes.Clone(l.names[name].data)
			at := min(int(offset), len(data))
			data = append(data[:at], append(bytes.Clone(content), data[min(at+len(content), len(data)):]...)...)
			l.check(t, fault{name: "overwritten " + name, file: name, data: data, zeros: true})
		})
	})
}

// check damages a copy of the ledger, reads it and opens it.
func (l *faultyLedger) check(t *testing.T, f fault) {
	t.Helper()
	d := l.with(f)
	l.checkReader(t, d, f)
	w, err := open(d.open(nil), l.config)
	if err != nil {
		require.ErrorAs(t, err, new(*CorruptError), f.name)
		require.ErrorContains(t, err, "/memory", f.name)
		require.ErrorContains(t, err, "WithSalvage", f.name)
		c := l.config
		c.salvage = true
		w, err = open(d.open(nil), c)
		require.NoError(t, err, f.name)
		require.NotEmpty(t, w.Recovery().Damage, f.name)
	}
	l.opened = w
	l.checkWriter(t, w, f)
	require.NoError(t, w.Close(), f.name)
	l.checkReader(t, d, f)
	w, err = open(d.open(nil), l.config)
	require.NoError(t, err, "%s: after the repair", f.name)
	require.NoError(t, w.Close(), f.name)
}

// mayLookTorn reports whether the entry may be missing without an error: after a crash,
// zeros at the end of the newest segment are taken for a write that was interrupted.
func (l *faultyLedger) mayLookTorn(f fault) bool {
	return l.crashed && f.zeros && f.file == newestSegment(l.memDisk)
}

func newestSegment(d *memDisk) string {
	return segmentName(newestNumber(slices.Collect(maps.Keys(d.names))))
}

// lostEntries is a set of ranges that errors have named.
type lostEntries []*CorruptError

func (l lostEntries) contain(seq uint64) bool {
	return slices.ContainsFunc(l, func(e *CorruptError) bool {
		return e.First != 0 && e.First <= seq && (seq <= e.Last || e.Last == 0)
	})
}

// checkReader requires that a reader yields each entry once, or names it as lost.
func (l *faultyLedger) checkReader(t *testing.T, d *memDisk, f fault) {
	t.Helper()
	got, lost := readDamaged(t, d, f.name)
	l.requireAll(t, f, 1, func(seq uint64) (string, bool) { text, ok := got[seq]; return text, ok }, lost)
	for seq := range got {
		if lostEntries(lost).contain(seq) {
			require.Fail(t, "an entry is both read and named as lost", "%s: entry %d", f.name, seq)
		}
	}
}

// requireAll requires all entries from first on to be read or lost.
func (l *faultyLedger) requireAll(t *testing.T, f fault, first uint64, read func(uint64) (string, bool), lost lostEntries) {
	t.Helper()
	for seq := first; seq <= l.last; seq++ {
		text, ok := read(seq)
		switch {
		case !ok && !lost.contain(seq) && !l.mayLookTorn(f):
			require.Fail(t, "an entry is missing without an error", "%s: entry %d of %d", f.name, seq, l.last)
		case !ok, text == "after" && l.mayLookTorn(f): // its number was used again
		case text != l.entries[seq]:
			require.Equal(t, l.entries[seq], text, "%s: entry %d", f.name, seq)
		}
	}
}

// checkWriter requires that the cursors deliver what they have not committed, that no
// sequence number is used twice, and that no open pair is lost in silence.
func (l *faultyLedger) checkWriter(t *testing.T, w *Ledger, f fault) {
	t.Helper()
	_, found, err := w.TrackPairs(classifySign)
	require.NoError(t, err, f.name)
	if open := texts(found.Entries); len(found.Damage)+len(w.Recovery().Damage) == 0 && !l.mayLookTorn(f) {
		require.Equal(t, l.open, open, "%s: open pairs", f.name)
	}
	first := mustAppend(t, w, "after")
	require.True(t, first > l.last || l.mayLookTorn(f), "%s: number %d is used again", f.name, first)
	for _, name := range []string{"sink", "other"} {
		c, err := w.Cursor(name)
		require.NoError(t, err, f.name)
		require.True(t, name != "sink" || c.Committed() <= l.committed, "%s: the cursor skips entries", f.name)
		got, lost := drainCursor(t, c, first, f.name)
		l.requireAll(t, f, c.Committed()+1, func(seq uint64) (string, bool) { text, ok := got[seq]; return text, ok && seq != first }, lost)
		require.Equal(t, "after", got[first], f.name)
		require.NoError(t, c.Commit(first), f.name)
	}
}

// drainCursor returns what the cursor delivers up to an entry.
func drainCursor(t *testing.T, c *Cursor, last uint64, name string) (got map[uint64]string, lost lostEntries) {
	t.Helper()
	got = map[uint64]string{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		entries, err := c.Next(ctx, 10, 1<<20)
		if errors.Is(err, context.Canceled) {
			return got, lost
		}
		if corrupt, ok := errors.AsType[*CorruptError](err); ok {
			lost = append(lost, corrupt)
			require.Less(t, len(lost), 10, name)
			continue
		}
		require.NoError(t, err, name)
		for _, e := range entries {
			putOnce(t, got, e, name)
		}
	}
}
