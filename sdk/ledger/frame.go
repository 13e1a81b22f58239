package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A frame is what is committed at once: a header, the entries, each behind its
// length, zeros up to a multiple of eight bytes, and a trailer.
const (
	frameHeaderSize  = 48
	frameTrailerSize = 8
	entryOverhead    = 4
	frameAlign       = 8
	sectorSize       = 512
)

const (
	frameMagic  = 0x46_44_45_44 // "DEDF"
	frameEnd    = 0x45_44_45_44 // "DEDE"
	kindEntries = 1
	kindMark    = 2 // says only how far the segment is sound
	flagZeros   = 1 // the entries hold a whole sector of zeros themselves
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// place is where a frame stands. It is part of the frame's checksums, so that what
// was copied from elsewhere, or left by another segment, is no frame here.
type place struct {
	ledger  ledgerID
	segment uint64
	offset  int64
}

func (p place) salt() uint32 {
	var b [32]byte
	copy(b[:], p.ledger[:])
	binary.LittleEndian.PutUint64(b[16:], p.segment)
	binary.LittleEndian.PutUint64(b[24:], uint64(p.offset))
	return crc32.Checksum(b[:], castagnoli)
}

// frameHeader is what stands before the entries.
type frameHeader struct {
	kind    uint8
	flags   uint8
	first   uint64 // sequence number of the first entry; of a mark, the next one's
	body    uint32 // bytes of entries with their lengths
	entries uint32
	sound   int64 // what is before this offset was synced when the frame was written
	time    int64 // Unix nanoseconds
}

// size is that of the whole frame.
func (h *frameHeader) size() int64 { return frameSize(int64(h.body)) }

func frameSize(body int64) int64 {
	return frameHeaderSize + (body+frameAlign-1)&^(frameAlign-1) + frameTrailerSize
}

// last is the sequence number of the last entry.
func (h *frameHeader) last() uint64 { return h.first + uint64(h.entries) - 1 }

// sealFrame completes frame, which has room for the header and then entries, and
// returns it with the trailer.
func sealFrame(frame []byte, h frameHeader, at place) []byte {
	h.body = uint32(len(frame) - frameHeaderSize)
	size := h.size()
	for int64(len(frame)) < size-frameTrailerSize {
		frame = append(frame, 0)
	}
	if h.kind == kindEntries && hasZeroSector(frame[frameHeaderSize:], at.offset+frameHeaderSize) {
		h.flags |= flagZeros
	}
	salt := at.salt()
	le := binary.LittleEndian
	le.PutUint32(frame, frameMagic)
	frame[4], frame[5], frame[6], frame[7] = h.kind, h.flags, 0, 0
	le.PutUint64(frame[8:], h.first)
	le.PutUint32(frame[16:], h.body)
	le.PutUint32(frame[20:], h.entries)
	le.PutUint64(frame[24:], uint64(h.sound))
	le.PutUint64(frame[32:], uint64(h.time))
	le.PutUint32(frame[40:], 0)
	le.PutUint32(frame[44:], crc32.Update(salt, castagnoli, frame[:44]))
	sum := crc32.Update(salt, castagnoli, frame)
	frame = le.AppendUint32(frame, sum)
	return le.AppendUint32(frame, frameEnd)
}

// unsealFrame undoes sealFrame, so that the frame can be sealed for another place.
func unsealFrame(frame []byte) []byte {
	body := int(binary.LittleEndian.Uint32(frame[16:]))
	return frame[:frameHeaderSize+body]
}

// parseFrameHeader reads the header of the frame at a place, and reports whether it
// is one.
func parseFrameHeader(b []byte, at place) (h frameHeader, ok bool) {
	le := binary.LittleEndian
	if len(b) < frameHeaderSize || le.Uint32(b) != frameMagic ||
		le.Uint32(b[44:]) != crc32.Update(at.salt(), castagnoli, b[:44]) {
		return h, false
	}
	return frameHeader{
		kind: b[4], flags: b[5],
		first: le.Uint64(b[8:]), body: le.Uint32(b[16:]), entries: le.Uint32(b[20:]),
		sound: int64(le.Uint64(b[24:])), time: int64(le.Uint64(b[32:])),
	}, true
}

// checkFrame reports whether frame, whole and with this header, is as it was
// written.
func checkFrame(frame []byte, h *frameHeader, at place) bool {
	le := binary.LittleEndian
	end := int(h.size()) - frameTrailerSize
	if len(frame) != end+frameTrailerSize || le.Uint32(frame[end+4:]) != frameEnd ||
		le.Uint32(frame[end:]) != crc32.Update(at.salt(), castagnoli, frame[:end]) {
		return false
	}
	return countEntries(frame[frameHeaderSize:frameHeaderSize+int(h.body)]) == int(h.entries)
}

// countEntries returns how many entries fill the body exactly, or -1.
func countEntries(body []byte) int {
	n := 0
	for len(body) > 0 {
		if len(body) < entryOverhead {
			return -1
		}
		size := int64(binary.LittleEndian.Uint32(body)) + entryOverhead
		if size > int64(len(body)) {
			return -1
		}
		body = body[size:]
		n++
	}
	return n
}

// nextEntry returns the first entry of a checked body, and the rest.
func nextEntry(body []byte) (data, rest []byte) {
	end := entryOverhead + int(binary.LittleEndian.Uint32(body))
	return body[entryOverhead:end:end], body[end:]
}

var zeroSector [sectorSize]byte

// hasZeroSector reports whether b, which stands at offset, holds a whole sector of
// zeros.
func hasZeroSector(b []byte, offset int64) bool {
	skip := int(-offset & (sectorSize - 1)) // to the first whole sector
	for at := skip; at+sectorSize <= len(b); at += sectorSize {
		if b[at] == 0 && bytes.Equal(b[at:at+sectorSize], zeroSector[:]) {
			return true
		}
	}
	return false
}

func allZero(b []byte) bool {
	for len(b) >= sectorSize {
		if !bytes.Equal(b[:sectorSize], zeroSector[:]) {
			return false
		}
		b = b[sectorSize:]
	}
	return bytes.Equal(b, zeroSector[:len(b)])
}
