package ledger

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// damagedLedger is a ledger of one segment that tests damage.
type damagedLedger struct {
	*memDisk
	config  config
	segment string
	entries []string
	frames  []frameAt // all frames of the segment
	closed  bool      // closed properly, no crash
}

// frameAt is a frame and where it is stored.
type frameAt struct {
	offset, end int64
	header      frameHeader
}

// newDamaged creates a ledger whose frames do not begin or end at sector boundaries.
func newDamaged(t *testing.T, ending string) *damagedLedger {
	t.Helper()
	c := config{segmentSize: 8 << 10, dense: true} // small, for speed
	d := &damagedLedger{memDisk: newMemDisk(rand.New(rand.NewPCG(1, 1))), config: c, segment: segmentName(1)}
	dir := d.open(nil)
	l, err := open(dir, c)
	require.NoError(t, err)
	cursor, err := l.Cursor("reader")
	require.NoError(t, err)
	for i, sizes := range [][]int{{900}, {10, 0, 20}, {300, 200}, {1_000, 0, 60}} {
		if i > 0 {
			require.NoError(t, cursor.Commit(uint64(len(d.entries))))
		}
		var entries [][]byte
		for _, size := range sizes {
			text := strings.Repeat(string('a'+rune(len(d.entries))), size)
			d.entries, entries = append(d.entries, text), append(entries, []byte(text))
		}
		_, err := l.Append(t.Context(), entries...)
		require.NoError(t, err)
	}
	s := newScanner(l.active, l.end)
	for {
		at := s.offset
		found, err := s.scan()
		require.NoError(t, err)
		if !found {
			break
		}
		d.frames = append(d.frames, frameAt{offset: at, end: s.offset, header: s.header})
	}
	require.Len(t, d.frames, 4)
	if d.closed = ending == "closed"; !d.closed {
		dir.kill()
	}
	_ = l.Close()
	if ending == "power cut" {
		d.memDisk = d.powerCut()
	}
	return d
}

// damage is one change to the segment and its expected effect.
type damage struct {
	name   string
	change func(data []byte) []byte
	torn   *frameAt // the frame that Open cuts off; nil: Open fails
	silent bool     // readers take it for the end
}

func flip(offset int64, mask byte) damage {
	return damage{name: fmt.Sprintf("byte %d ^ %#x", offset, mask), change: func(data []byte) []byte {
		data[offset] ^= mask
		return data
	}}
}

// damages returns the cases. Open rejects any damage to the last two frames of a
// closed ledger. After a crash it takes a sector of zeros in the last frame for an
// interrupted write, and rejects everything else: the cursor has passed the frame
// before. A reader ignores cursors, so it accepts zeros there too.
func (d *damagedLedger) damages() []damage {
	last := d.frames[len(d.frames)-2:]
	from, to := last[0].offset, last[1].end
	var all []damage
	for offset := from; offset < to; offset++ {
		all = append(all, flip(offset, 0xff))
		if offset%7 == 0 {
			all = append(all, flip(offset, 1<<(offset/7%8)))
		}
		all = append(all, damage{name: fmt.Sprintf("cut at %d", offset), change: func(data []byte) []byte {
			return data[:offset]
		}})
	}
	for sector := from / sectorSize * sectorSize; sector < to; sector += sectorSize {
		zero := damage{name: fmt.Sprintf("zeros at %d", sector), change: func(data []byte) []byte {
			clear(data[max(sector, from) : sector+sectorSize])
			return data
		}}
		zero.silent = !d.closed && sector+sectorSize > last[1].offset
		if zero.silent && sector >= last[0].end {
			zero.torn = &last[1]
		}
		all = append(all, zero)
	}
	return all
}

func TestDamagedFrames(t *testing.T) {
	t.Parallel()
	for _, ending := range []string{"closed", "crash", "power cut"} {
		t.Run(ending, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // readers wait for frames that may become complete
				d := newDamaged(t, ending)
				for i, change := range d.damages() {
					sample := sampled() || ending == "power cut" // similar to a crash
					if i%11 == 0 || change.silent || !sample {
						d.check(t, change, i%4 == 0 || change.silent)
					}
				}
			})
		})
	}
}

// check damages a copy of the ledger, and checks the results of Open, of readers, and
// of WithSalvage if salvage is true.
func (d *damagedLedger) check(t *testing.T, change damage, salvage bool) {
	t.Helper()
	disk := d.clone()
	disk.put(d.segment, change.change(disk.edit(d.segment)))
	got, lost := readDamaged(t, disk, change.name)
	d.requireSame(t, got, change.name)
	require.True(t, len(got) == len(d.entries) || len(lost) == 1 || change.silent, "%s: entries are missing without an error", change.name)

	l, err := open(disk.open(nil), d.config)
	if change.torn != nil {
		require.NoError(t, err, change.name)
		assert.Equal(t, &TornFrame{Segment: d.segment, Offset: change.torn.offset, First: change.torn.header.first}, l.Recovery().Torn, change.name)
		require.NoError(t, l.Close())
		return
	}
	var corrupt *CorruptError
	require.ErrorAs(t, err, &corrupt, change.name)
	require.Equal(t, d.segment, corrupt.File, change.name)
	if salvage {
		d.salvage(t, disk, change.name)
	}
}

// salvage appends after the damage with WithSalvage.
func (d *damagedLedger) salvage(t *testing.T, disk *memDisk, name string) {
	t.Helper()
	c := d.config
	c.salvage = true
	l, err := open(disk.open(nil), c)
	require.NoError(t, err, name)
	t.Cleanup(func() { _ = l.Close() }) // if the test fails
	require.NotEmpty(t, l.Recovery().Damage, name)
	first, err := l.Append(t.Context(), []byte("after"))
	require.NoError(t, err, name)
	require.Greater(t, first, uint64(len(d.entries)), "%s: a sequence number is reused", name)
	require.NoError(t, l.Close(), name)

	got, lost := readDamaged(t, disk, name)
	require.Equal(t, "after", got[first], name)
	delete(got, first)
	d.requireSame(t, got, name)
	numbers := uint64(len(got))
	for _, e := range lost {
		numbers += e.Last - e.First + 1
		for seq := range got {
			if e.First <= seq && seq <= e.Last {
				require.Fail(t, "an entry is both read and reported as lost", "%s: entry %d", name, seq)
			}
		}
	}
	require.Equal(t, first-1, numbers, "%s: each lost entry is reported once", name)

	l, err = open(disk.open(nil), c)
	require.NoError(t, err, name)
	again, err := l.Append(t.Context(), []byte("again"))
	require.NoError(t, err, name)
	require.Equal(t, first+1, again, name)
	require.NoError(t, l.Close())
}

// requireSame requires that everything that was read is what was written.
func (d *damagedLedger) requireSame(t *testing.T, got map[uint64]string, name string) {
	t.Helper()
	for seq, text := range got {
		if seq > uint64(len(d.entries)) || d.entries[seq-1] != text {
			require.Fail(t, "an entry was changed", "%s: entry %d", name, seq)
		}
	}
}

// readDamaged returns the entries and the errors that a reader yields.
func readDamaged(t *testing.T, disk *memDisk, name string) (got map[uint64]string, lost []*CorruptError) {
	t.Helper()
	got = map[uint64]string{}
	for e, err := range (&Reader{dir: disk.open(nil)}).Entries(t.Context(), 0) {
		if err == nil {
			putOnce(t, got, e, name)
			continue
		}
		var corrupt *CorruptError
		require.ErrorAs(t, err, &corrupt, name)
		lost = append(lost, corrupt)
		require.Less(t, len(lost), 10, "%s: endless iteration", name)
	}
	return got, lost
}

// putOnce adds an entry that was read. These tests read so many that assertions for each
// would take most of their time.
func putOnce(t *testing.T, got map[uint64]string, e Entry, name string) {
	t.Helper()
	if _, ok := got[e.Seq]; ok {
		require.Fail(t, "an entry is read twice", "%s: entry %d", name, e.Seq)
	}
	got[e.Seq] = string(e.Data)
}

// TestDamagedHeader flips each byte of the header of a segment.
func TestDamagedHeader(t *testing.T) {
	t.Parallel()
	for _, ending := range []string{"closed", "crash"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDamaged(t, ending)
			for offset := range int64(segmentHeaderSize) {
				d.check(t, flip(offset, 1<<(offset%8)), offset%8 == 0)
			}
		})
	}
}

// TestDamagedSlots flips each byte of the state and of a cursor. If the newest slot is
// damaged, the other one counts.
func TestDamagedSlots(t *testing.T) {
	t.Parallel()
	d := newDamaged(t, "closed")
	for _, name := range []string{stateFileName, "reader" + cursorSuffix} {
		for offset := range 2 * slotSize {
			if offset%slotSize > 256 && offset%97 != 0 {
				continue // after the value
			}
			disk := d.clone()
			disk.edit(name)[offset] ^= 0xff
			l, err := open(disk.open(nil), d.config)
			require.NoError(t, err, "%s, byte %d", name, offset)
			c, err := l.Cursor("reader")
			require.NoError(t, err)
			require.Contains(t, []uint64{4, 6}, c.Committed(), "%s, byte %d", name, offset)
			got, lost := readDamaged(t, disk, name)
			require.Len(t, got, len(d.entries))
			require.Empty(t, lost)
			require.NoError(t, l.Close())
		}
	}
}

// TestStateLost removes the state, or damages both of its slots. Readers find all entries,
// and salvage derives the state from the segments.
func TestStateLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(d *memDisk){
		"removed": func(d *memDisk) { delete(d.names, stateFileName) },
		"zeros":   func(d *memDisk) { clear(d.names[stateFileName].data) },
		"flipped": func(d *memDisk) {
			d.names[stateFileName].data[30] ^= 1
			d.names[stateFileName].data[slotSize+30] ^= 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDamaged(t, "closed")
			lose(d.memDisk)
			got, lost := readDamaged(t, d.memDisk, name)
			require.Len(t, got, len(d.entries))
			d.requireSame(t, got, name)
			require.Len(t, lost, 1)
			assert.Equal(t, stateFileName, lost[0].File)

			c := d.config
			_, err := open(d.open(nil), c)
			require.ErrorAs(t, err, new(*CorruptError))
			require.ErrorContains(t, err, string(filepath.Separator)+filepath.Join("memory", stateFileName))
			require.ErrorContains(t, err, "WithSalvage")

			c.salvage = true
			l, err := open(d.open(nil), c)
			require.NoError(t, err)
			require.Len(t, l.Recovery().Damage, 1)
			require.EqualValues(t, len(d.entries)+1, mustAppend(t, l, "after"))
			cursor, err := l.Cursor("reader")
			require.NoError(t, err)
			require.EqualValues(t, 6, cursor.Committed())
			require.NoError(t, l.Close())

			l, err = open(d.open(nil), d.config)
			require.NoError(t, err, "without salvage from then on")
			require.Empty(t, l.Recovery().Damage)
			require.NoError(t, l.Close())
			require.Len(t, readMem(t, d.memDisk), len(d.entries)+1)
		})
	}
}
