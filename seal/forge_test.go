package seal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// forger is somebody who can write the files of a ledger, and knows docs/ledger-format.md: what
// they write has valid checksums.
type forger struct {
	t      *testing.T
	dir    string
	id     []byte
	header []byte
	frames []forgedFrame
	size   int
}

type forgedFrame struct {
	kind    byte
	first   uint64
	time    uint64
	entries [][]byte
}

const (
	segmentHeader = 512
	frameHeader   = 48
	slotSize      = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readForger reads a ledger that has one segment and is closed.
func readForger(t *testing.T, dir string) *forger {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "000000000001.segment"))
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, "000000000002.segment"))
	f := &forger{t: t, dir: dir, id: b[16:32], header: b[:segmentHeader], size: len(b)}
	for at := segmentHeader; string(b[at:at+4]) == "DEDF"; {
		le := binary.LittleEndian
		body, entries, padding := int(le.Uint32(b[at+16:])), int(le.Uint32(b[at+20:])), int(le.Uint32(b[at+40:]))
		frame := forgedFrame{kind: b[at+4], first: le.Uint64(b[at+8:]), time: le.Uint64(b[at+32:])}
		rest := b[at+frameHeader : at+frameHeader+body]
		for range entries {
			n := le.Uint32(rest)
			frame.entries = append(frame.entries, bytes.Clone(rest[4:4+n]))
			rest = rest[4+n:]
		}
		f.frames = append(f.frames, frame)
		at += frameHeader + (body+7)/8*8 + padding + 8
	}
	return f
}

// clone returns a copy that can be changed.
func (f *forger) clone() *forger {
	c := *f
	c.frames = slices.Clone(f.frames)
	for i := range c.frames {
		c.frames[i].entries = slices.Clone(c.frames[i].entries)
	}
	return &c
}

// find returns where an entry is.
func (f *forger) find(seq uint64) (frame, at int) {
	for i, frame := range f.frames {
		if frame.kind == 1 && frame.first <= seq && seq < frame.first+uint64(len(frame.entries)) {
			return i, int(seq - frame.first)
		}
	}
	f.t.Fatalf("no entry %d", seq)
	return 0, 0
}

func (f *forger) entry(seq uint64) []byte {
	i, at := f.find(seq)
	return f.frames[i].entries[at]
}

func (f *forger) set(seq uint64, data []byte) {
	i, at := f.find(seq)
	f.frames[i].entries[at] = data
}

// insert puts entries in before one, and renumbers those after them.
func (f *forger) insert(seq uint64, data ...[]byte) {
	i, at := f.find(seq)
	f.frames[i].entries = slices.Insert(f.frames[i].entries, at, data...)
	f.renumber()
}

// remove takes entries out, and renumbers those after them.
func (f *forger) remove(seq uint64, n int) {
	for range n {
		i, at := f.find(seq)
		f.frames[i].entries = slices.Delete(f.frames[i].entries, at, at+1)
		if len(f.frames[i].entries) == 0 {
			f.frames = slices.Delete(f.frames, i, i+1)
		}
		f.renumber()
	}
}

// truncate takes an entry out, and all after it.
func (f *forger) truncate(seq uint64) {
	i, at := f.find(seq)
	f.frames[i].entries = f.frames[i].entries[:at]
	f.frames = f.frames[:i+1]
	if at == 0 {
		f.frames = f.frames[:i]
	}
}

func (f *forger) renumber() {
	next := uint64(1)
	for i := range f.frames {
		f.frames[i].first = next
		next += uint64(len(f.frames[i].entries))
	}
}

// write writes the segment, and a state that says that the ledger was closed.
func (f *forger) write() {
	f.t.Helper()
	le := binary.LittleEndian
	b := append(make([]byte, 0, f.size), f.header...)
	next, synced := uint64(1), uint64(segmentHeader)
	for _, frame := range f.frames {
		at := uint64(len(b))
		var body []byte
		for _, e := range frame.entries {
			body = append(le.AppendUint32(body, uint32(len(e))), e...)
		}
		salt := crc32.Checksum(le.AppendUint64(le.AppendUint64(bytes.Clone(f.id), 1), at), castagnoli)
		h := append([]byte("DEDF"), frame.kind, 0, 0, 0)
		h = le.AppendUint64(h, frame.first)
		h = le.AppendUint32(h, uint32(len(body)))
		h = le.AppendUint32(h, uint32(len(frame.entries)))
		h = le.AppendUint64(h, synced)
		h = le.AppendUint64(h, frame.time)
		h = le.AppendUint32(h, 0)
		h = le.AppendUint32(h, crc32.Update(salt, castagnoli, h))
		h = append(h, body...)
		for len(h)%8 != 0 {
			h = append(h, 0)
		}
		b = append(b, append(le.AppendUint32(h, crc32.Update(salt, castagnoli, h)), "DEDE"...)...)
		next, synced = frame.first+uint64(len(frame.entries)), uint64(len(b))
	}
	end := len(b)
	require.LessOrEqual(f.t, end, f.size)
	b = append(b, make([]byte, f.size-end)...)
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, "000000000001.segment"), b, 0o600))
	path := filepath.Join(f.dir, "state")
	state, err := os.ReadFile(path)
	require.NoError(f.t, err)
	for _, slot := range [][]byte{state[:slotSize], state[slotSize:]} {
		n := le.Uint64(slot[16:])
		value := slot[24 : 24+n]
		le.PutUint64(value[48:], 1)
		le.PutUint64(value[56:], uint64(end))
		le.PutUint64(value[64:], next)
		le.PutUint32(slot[24+n:], crc32.Checksum(slot[:24+n], castagnoli))
	}
	require.NoError(f.t, os.WriteFile(path, state, 0o600))
}

// TestForger shows that what a forger writes is a ledger without damage.
func TestForger(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ledger = f.ledger[1:]
	f.make(50)
	before, err := os.ReadFile(filepath.Join(f.dir, "000000000001.segment"))
	require.NoError(t, err)
	readForger(t, f.dir).write()
	after, err := os.ReadFile(filepath.Join(f.dir, "000000000001.segment"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after))
	require.Empty(t, f.verify().Findings)
	require.NoError(t, f.start())
	f.append(3)
	f.stop()
	require.Empty(t, f.verify().Findings)
}
