package ledger

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// diskWithOpenPair returns a disk with a ledger in which one pair is open.
func diskWithOpenPair(t *testing.T) *memDisk {
	t.Helper()
	d := testDisk()
	l := mustOpenMem(t, d, nil)
	p, _ := mustTrackPairs(t, l)
	mustOpenPair(t, p, "+1 one")
	mustOpenPair(t, p, "+2 two")
	mustAppend(t, l, "-1 ")
	for range 100 {
		mustAppend(t, l, strings.Repeat("x", 1_000))
	}
	require.NoError(t, l.Close())
	return d
}

func TestPairsFileDamaged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(d *memDisk)
		reason string
	}{
		"lost":              {func(d *memDisk) { delete(d.names, pairsFileName) }, "the file is missing, but the ledger has entries"},
		"empty":             {func(d *memDisk) { d.names[pairsFileName].data = nil }, "both slots are damaged"},
		"without slots":     {func(d *memDisk) { clear(d.names[pairsFileName].data[:pairsDataStart]) }, "both slots are damaged"},
		"of another ledger": {func(d *memDisk) { d.names[pairsFileName] = diskWithOpenPair(t).names[pairsFileName] }, "both slots are damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := diskWithOpenPair(t)
			c.damage(d)
			l := mustOpenMem(t, d, nil)
			_, found, err := l.TrackPairs(classifySign)
			require.NoError(t, err)
			require.Len(t, found.Damage, 1)
			require.ErrorContains(t, found.Damage[0], c.reason)
			assert.Equal(t, []string{"+2 two"}, texts(found.Entries), "found by reading the ledger")
			require.NoError(t, l.Close())

			_, open := mustTrackPairs(t, mustOpenMem(t, d, nil))
			assert.Equal(t, []string{"+2 two"}, open)
		})
	}
}

// TestPairsFileTorn flips each byte of the newest slot and of its entries. The older
// slot then counts.
func TestPairsFileTorn(t *testing.T) {
	t.Parallel()
	origin := diskWithOpenPair(t)
	data := origin.names[pairsFileName].data
	le := binary.LittleEndian
	newer := 0
	if le.Uint64(data[slotSize+8:]) > le.Uint64(data[8:]) {
		newer = slotSize
	}
	value := data[newer+slotHeaderSize:]
	at, length := int(le.Uint64(value[32:])), int(le.Uint64(value[40:]))
	require.Positive(t, length)
	var places []int
	for i := range slotHeaderSize + pairsValueSize + 4 {
		places = append(places, newer+i)
	}
	for i := range length {
		places = append(places, at+i)
	}
	for _, place := range places {
		d := origin.clone()
		d.edit(pairsFileName)[place] ^= 0x10
		_, open := mustTrackPairs(t, mustOpenMem(t, d, nil))
		require.Equal(t, []string{"+2 two"}, open, "byte %d", place)
	}
}

// TestPairsSlotDamaged flips each byte of the only slot that knows of open pairs, after a
// crash. The older slot says that there are none, but must not be believed.
func TestPairsSlotDamaged(t *testing.T) {
	t.Parallel()
	origin := testDisk()
	l := mustOpenMem(t, origin, nil)
	p, _ := mustTrackPairs(t, l)
	for i := range 5 {
		mustOpenPair(t, p, fmt.Sprintf("+%d pair", i))
	}
	mustAppend(t, l, "-3 ")
	l.dir.(interface{ kill() }).kill()
	_ = l.Close()
	data := origin.names[pairsFileName].data
	newer := 0
	if le := binary.LittleEndian; le.Uint64(data[slotSize+8:]) > le.Uint64(data[8:]) {
		newer = slotSize
	}
	for i := range slotHeaderSize + pairsValueSize + 4 {
		d := origin.clone()
		d.edit(pairsFileName)[newer+i] ^= 0x10
		_, open := mustTrackPairs(t, mustOpenMem(t, d, nil))
		require.Equal(t, []string{"+0 pair", "+1 pair", "+2 pair", "+4 pair"}, open, "byte %d", i)
	}
	d := origin.clone()
	clear(d.edit(pairsFileName)[newer : newer+sectorSize])
	_, open := mustTrackPairs(t, mustOpenMem(t, d, nil))
	require.Len(t, open, 4, "zeros")
}

func TestPairsFileNewerVersion(t *testing.T) {
	t.Parallel()
	d := diskWithOpenPair(t)
	l := mustOpenMem(t, d, nil)
	_, err := l.pairs.file.slots.file.Size()
	require.NoError(t, err)
	value := l.pairs.file.encode(1, pairsDataStart, nil)
	value[0]++
	require.NoError(t, l.pairs.file.slots.write(value))
	require.NoError(t, l.Close())
	c, err := newConfig(nil)
	require.NoError(t, err)
	_, err = open(d.open(nil), c)
	require.ErrorIs(t, err, errNewerVersion)
}

func TestPairsFilePastEnd(t *testing.T) {
	t.Parallel()
	d := diskWithOpenPair(t)
	l := mustOpenMem(t, d, nil)
	require.NoError(t, l.pairs.file.write(5_000, nil))
	require.NoError(t, l.Close())
	c, err := newConfig(nil)
	require.NoError(t, err)
	_, err = open(d.open(nil), c)
	require.ErrorAs(t, err, new(*CorruptError))
	require.ErrorContains(t, err, "the file pairs is past it")
}

// TestPairsFileRemoved removes the pairs file of an open ledger, whose retention then
// removes the entry that opened a pair. The next process must still find the pair.
func TestPairsFileRemoved(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := testDisk()
				l := mustOpenMem(t, d, nil, WithRetention(0, 0))
				p, _ := mustTrackPairs(t, l)
				mustOpenPair(t, p, "+1 one")
				d.mu.Lock()
				delete(d.names, pairsFileName)
				d.mu.Unlock()
				for range 300 {
					mustAppend(t, l, strings.Repeat("x", 1_000))
					synctest.Wait()
				}
				require.Greater(t, l.Stats().First, uint64(1))
				require.Equal(t, 1, l.Stats().Damaged)
				if how == "closed" {
					require.NoError(t, l.Close())
					l = mustOpenMem(t, d, nil)
				} else {
					l = crash(t, l, d)
				}
				_, open := mustTrackPairs(t, l)
				assert.Equal(t, []string{"+1 one"}, open)
			})
		})
	}
}
