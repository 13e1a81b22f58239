package ledger

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leftOpen returns a disk with a ledger in which one pair is open.
func leftOpen(t *testing.T) *disk {
	t.Helper()
	d := memory()
	l := openMemory(t, d, nil)
	p, _ := mustPairs(t, l)
	mustBegin(t, p, "+1 one")
	mustBegin(t, p, "+2 two")
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
		harm   func(d *disk)
		reason string
	}{
		"lost":           {func(d *disk) { delete(d.names, pairsName) }, "it is missing, while there are entries"},
		"empty":          {func(d *disk) { d.names[pairsName].data = nil }, "neither of its two copies"},
		"without slots":  {func(d *disk) { clear(d.names[pairsName].data[:pairsBase]) }, "neither of its two copies"},
		"of another one": {func(d *disk) { d.names[pairsName] = leftOpen(t).names[pairsName] }, "neither of its two copies"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := leftOpen(t)
			c.harm(d)
			l := openMemory(t, d, nil)
			_, found, err := l.Pairs(tellSign)
			require.NoError(t, err)
			require.Len(t, found.Damage, 1)
			require.ErrorContains(t, found.Damage[0], c.reason)
			assert.Equal(t, []string{"+2 two"}, texts(found.Open), "the ledger was read")
			require.NoError(t, l.Close())

			_, open := mustPairs(t, openMemory(t, d, nil))
			assert.Equal(t, []string{"+2 two"}, open)
		})
	}
}

// TestPairsFileTorn flips each byte of the newer copy and of what belongs to it: the
// older one counts.
func TestPairsFileTorn(t *testing.T) {
	t.Parallel()
	origin := leftOpen(t)
	data := origin.names[pairsName].data
	le := binary.LittleEndian
	newer := 0
	if le.Uint64(data[slotSize+8:]) > le.Uint64(data[8:]) {
		newer = slotSize
	}
	value := data[newer+slotHeader:]
	at, length := int(le.Uint64(value[32:])), int(le.Uint64(value[40:]))
	require.Positive(t, length)
	var places []int
	for i := range slotHeader + pairsValueSize + 4 {
		places = append(places, newer+i)
	}
	for i := range length {
		places = append(places, at+i)
	}
	for _, place := range places {
		d := origin.clone()
		d.names[pairsName].data[place] ^= 0x10
		_, open := mustPairs(t, openMemory(t, d, nil))
		require.Equal(t, []string{"+2 two"}, open, "byte %d", place)
	}
}

func TestPairsFileOfANewerVersion(t *testing.T) {
	t.Parallel()
	d := leftOpen(t)
	l := openMemory(t, d, nil)
	_, err := l.pairs.file.slots.file.Size()
	require.NoError(t, err)
	value := l.pairs.file.encode(1, pairsBase, nil)
	value[0]++
	require.NoError(t, l.pairs.file.slots.write(value))
	require.NoError(t, l.Close())
	c, err := newConfig(nil)
	require.NoError(t, err)
	_, err = open(d.open(nil), c)
	require.ErrorIs(t, err, errNewer)
}

func TestPairsBehindTheEnd(t *testing.T) {
	t.Parallel()
	d := leftOpen(t)
	l := openMemory(t, d, nil)
	require.NoError(t, l.pairs.file.write(5_000, nil))
	require.NoError(t, l.Close())
	c, err := newConfig(nil)
	require.NoError(t, err)
	_, err = open(d.open(nil), c)
	require.ErrorAs(t, err, new(*CorruptError))
	require.ErrorContains(t, err, "which the file pairs has passed")
}
