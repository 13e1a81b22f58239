package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fuzzFrames returns two frames and a mark, as stored after the header of a segment.
func fuzzFrames(s *segment) []byte {
	var all []byte
	for _, h := range []frameHeader{
		{kind: kindEntries, first: 1, entries: 2, syncedEnd: segmentHeaderSize, time: 1},
		{kind: kindMark, first: 3, time: 2},
		{kind: kindEntries, first: 3, entries: 1, time: 3},
	} {
		frame := bytes.Clone(zeroSector[:frameHeaderSize])
		for i := range h.entries {
			frame = binary.LittleEndian.AppendUint32(frame, 5*i)
			frame = append(frame, make([]byte, 5*i)...)
		}
		all = append(all, sealFrame(frame, h, s.location(segmentHeaderSize+int64(len(all))))...)
	}
	return all
}

// reseal corrects the checksums of everything that begins like a frame, since a fuzzer
// cannot find them.
func reseal(s *segment, data []byte) {
	le := binary.LittleEndian
	for at := 0; at+frameHeaderSize+frameTrailerSize <= len(data); at += frameAlign {
		if le.Uint32(data[at:]) != frameMagic {
			continue
		}
		salt := s.location(segmentHeaderSize + int64(at)).salt()
		le.PutUint32(data[at+44:], crc32.Update(salt, castagnoli, data[at:at+44]))
		end := int64(at) + frameSize(int64(le.Uint32(data[at+16:])))
		if end > int64(len(data)) {
			continue
		}
		le.PutUint32(data[end-8:], crc32.Update(salt, castagnoli, data[at:end-8]))
		le.PutUint32(data[end-4:], frameEndMagic)
	}
}

// FuzzScan scans arbitrary bytes after a valid header. The scan must end, and return
// only frames with a correct checksum.
func FuzzScan(f *testing.F) {
	header := segmentHeader{ledger: ledgerID{1}, number: 1, first: 1}
	seed := fuzzFrames(&segment{segmentHeader: header})
	f.Add(seed, false)
	f.Add(seed, true)
	bad := bytes.Clone(seed)
	bad[frameHeaderSize+2*entryOverhead] ^= 1
	f.Add(bad, false)
	f.Add(append(seed[:len(seed)-70], make([]byte, 600)...), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if len(data) > 1<<16 {
			return
		}
		s := &segment{segmentHeader: header}
		if seal {
			reseal(s, data)
		}
		s.capacity = segmentHeaderSize + int64(len(data))
		s.file = &memFile{memDir: testDisk().open(nil), node: &inode{data: append(header.encode(), data...)}}
		frames := newScanner(s, s.capacity)
		for steps := 0; ; steps++ {
			require.LessOrEqual(t, steps, 2*len(data)/frameHeaderSize+2, "the scan does not end")
			before := frames.offset
			found, err := frames.scanAny()
			require.LessOrEqual(t, cap(frames.buffer), max(readAhead, len(data)), "more memory than data")
			if err != nil {
				found, err := frames.skipToNextFrame()
				require.NoError(t, err)
				if !found {
					return
				}
				require.Greater(t, frames.offset, before)
				continue
			}
			if !found {
				return
			}
			requireFrame(t, s, data[before-segmentHeaderSize:], before, frames)
		}
	})
}

// requireFrame requires that the scanned frame is the data at the offset, with a
// correct checksum.
func requireFrame(t *testing.T, s *segment, data []byte, offset int64, frames *scanner) {
	t.Helper()
	frame := frames.frame
	require.Equal(t, data[:len(frame)], frame)
	end := len(frame) - frameTrailerSize
	sum := crc32.Update(s.location(offset).salt(), castagnoli, frame[:end])
	require.Equal(t, sum, binary.LittleEndian.Uint32(frame[end:]))
	n := 0
	eachEntry(frame, frames.header, 0, func(Entry) { n++ })
	require.EqualValues(t, frames.header.entries, n)
}

// FuzzOperations runs the operations that the input encodes, and compares the ledger
// with a model.
func FuzzOperations(f *testing.F) {
	f.Add([]byte{0, 200, 1, 0, 50, 2, 5, 0, 255, 4, 0, 255, 3, 1}, false)
	f.Add([]byte{0, 200, 0, 201, 6, 0, 50, 5, 0, 255, 0, 255, 0, 255, 1, 5, 1}, true)
	f.Fuzz(func(t *testing.T, program []byte, relaxed bool) {
		if len(program) > 100 {
			return
		}
		c := config{segmentSize: MinSegmentSize / 4, retain: true, dense: len(program)%2 == 0}
		if relaxed {
			c.syncInterval = time.Second
		}
		synctest.Test(t, func(t *testing.T) {
			w := &workload{
				model: newModel(), t: t, config: c, settle: synctest.Wait, wait: 3 * time.Second,
				faults: &faults{at: math.MaxInt32, hang: time.Minute},
				disk:   newMemDisk(rand.New(rand.NewPCG(uint64(len(program)), 1))),
			}
			w.open()
			for len(program) > 0 {
				program = w.interpret(program)
			}
			w.crash(false)
			w.verify()
		})
	})
}

// interpret runs the first operation of a program and returns the rest.
func (w *workload) interpret(program []byte) []byte {
	op, rest := program[0]%7, program[1:]
	switch op {
	case 0:
		size := 0
		if len(rest) > 0 {
			size, rest = int(rest[0]), rest[1:]
		}
		w.append(size, size*size/6)
	case 1:
		w.consume()
	case 2:
		w.sync()
	case 3:
		w.close()
		w.open()
	case 4, 5:
		w.crash(op == 5)
		w.open()
	default:
		time.Sleep(time.Second)
		w.settle()
	}
	return rest
}
