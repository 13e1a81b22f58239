package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A frame holds the entries of one commit: a header, each entry preceded by its
// length, zeros up to a multiple of eight bytes, padding, and a trailer.
const (
	frameHeaderSize  = 48
	frameTrailerSize = 8
	entryOverhead    = 4
	frameAlign       = 8
	sectorSize       = 512
	pageSize         = 4096
	paddingByte      = 0xff // not zero, so that a torn frame is recognized
)

const (
	frameMagic     = 0x46_44_45_44 // "DEDF"
	frameEndMagic  = 0x45_44_45_44 // "DEDE"
	kindEntries    = 1
	kindMark       = 2 // a frame without entries; it records how far the segment was synced
	flagZeroSector = 1 // the body itself fills a whole sector with zeros
)

// fullPadding is the longest padding.
var fullPadding = bytes.Repeat([]byte{paddingByte}, pageSize)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// location is where a frame is stored. It is part of the frame's checksums, so a frame
// that was copied from elsewhere, or left over from another segment, is not valid.
type location struct {
	ledger  ledgerID
	segment uint64
	offset  int64
}

// salt returns the initial value of the frame's checksums.
func (p location) salt() uint32 {
	var b [32]byte
	copy(b[:], p.ledger[:])
	binary.LittleEndian.PutUint64(b[16:], p.segment)
	binary.LittleEndian.PutUint64(b[24:], uint64(p.offset))
	return crc32.Checksum(b[:], castagnoli)
}

// frameHeader is the header of a frame.
type frameHeader struct {
	kind      uint8
	flags     uint8
	first     uint64 // sequence number of the first entry; of a mark, the next entry's
	body      uint32 // size of the entries with their lengths, in bytes
	entries   uint32
	syncedEnd int64 // everything before this offset was synced when the frame was written
	time      int64 // Unix nanoseconds
	padding   uint32
}

// size returns the size of the whole frame.
func (h *frameHeader) size() int64 { return frameSize(int64(h.body)) + int64(h.padding) }

// pageEnd returns the end of the page in which offset lies, or offset if a page ends
// there.
func pageEnd(offset int64) int64 { return (offset + pageSize - 1) &^ (pageSize - 1) }

// frameSize returns the size of a frame with a body of that many bytes and no padding.
func frameSize(body int64) int64 {
	return frameHeaderSize + (body+frameAlign-1)&^(frameAlign-1) + frameTrailerSize
}

// last returns the sequence number of the last entry.
func (h *frameHeader) last() uint64 { return h.first + uint64(h.entries) - 1 }

// sealFrame fills in the header of frame, which has room for it followed by the
// entries, and appends the padding and the trailer.
func sealFrame(frame []byte, h frameHeader, at location) []byte {
	h.body = uint32(len(frame) - frameHeaderSize)
	size := h.size()
	for int64(len(frame)) < size-int64(h.padding)-frameTrailerSize {
		frame = append(frame, 0)
	}
	frame = append(frame, fullPadding[:h.padding]...)
	if h.kind == kindEntries && hasZeroSector(frame[frameHeaderSize:], at.offset+frameHeaderSize) {
		h.flags |= flagZeroSector
	}
	salt := at.salt()
	le := binary.LittleEndian
	le.PutUint32(frame, frameMagic)
	frame[4], frame[5], frame[6], frame[7] = h.kind, h.flags, 0, 0
	le.PutUint64(frame[8:], h.first)
	le.PutUint32(frame[16:], h.body)
	le.PutUint32(frame[20:], h.entries)
	le.PutUint64(frame[24:], uint64(h.syncedEnd))
	le.PutUint64(frame[32:], uint64(h.time))
	le.PutUint32(frame[40:], h.padding)
	le.PutUint32(frame[44:], crc32.Update(salt, castagnoli, frame[:44]))
	sum := crc32.Update(salt, castagnoli, frame)
	frame = le.AppendUint32(frame, sum)
	return le.AppendUint32(frame, frameEndMagic)
}

// unsealFrame reverses sealFrame, so the frame can be sealed for another location.
func unsealFrame(frame []byte) []byte {
	body := int(binary.LittleEndian.Uint32(frame[16:]))
	return frame[:frameHeaderSize+body]
}

// parseFrameHeader decodes the header of the frame at a location. ok reports whether
// its magic and checksum are valid.
func parseFrameHeader(b []byte, at location) (h frameHeader, ok bool) {
	le := binary.LittleEndian
	if len(b) < frameHeaderSize || le.Uint32(b) != frameMagic ||
		le.Uint32(b[44:]) != crc32.Update(at.salt(), castagnoli, b[:44]) {
		return h, false
	}
	return frameHeader{
		kind: b[4], flags: b[5],
		first: le.Uint64(b[8:]), body: le.Uint32(b[16:]), entries: le.Uint32(b[20:]),
		syncedEnd: int64(le.Uint64(b[24:])), time: int64(le.Uint64(b[32:])),
		padding: le.Uint32(b[40:]),
	}, true
}

// checkFrame reports whether the complete frame is intact.
func checkFrame(frame []byte, h *frameHeader, at location) bool {
	le := binary.LittleEndian
	end := int(h.size()) - frameTrailerSize
	if len(frame) != end+frameTrailerSize || le.Uint32(frame[end+4:]) != frameEndMagic ||
		le.Uint32(frame[end:]) != crc32.Update(at.salt(), castagnoli, frame[:end]) {
		return false
	}
	return countEntries(frame[frameHeaderSize:frameHeaderSize+int(h.body)]) == int(h.entries)
}

// frameChecksum returns the checksum of a complete frame.
func frameChecksum(frame []byte) uint32 {
	return binary.LittleEndian.Uint32(frame[len(frame)-frameTrailerSize:])
}

// countEntries returns the number of entries in the body, or -1 if their lengths do
// not add up to its size.
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

// nextEntry splits a checked body into its first entry and the rest.
func nextEntry(body []byte) (data, rest []byte) {
	end := entryOverhead + int(binary.LittleEndian.Uint32(body))
	return body[entryOverhead:end:end], body[end:]
}

var zeroSector [sectorSize]byte

// hasZeroSector reports whether b, stored at offset, covers a whole sector with zeros.
func hasZeroSector(b []byte, offset int64) bool {
	skip := int(-offset & (sectorSize - 1)) // to the first whole sector
	for at := skip; at+sectorSize <= len(b); at += sectorSize {
		if b[at] == 0 && bytes.Equal(b[at:at+sectorSize], zeroSector[:]) {
			return true
		}
	}
	return false
}

// allZero reports whether all bytes are zero.
func allZero(b []byte) bool {
	for len(b) >= sectorSize {
		if !bytes.Equal(b[:sectorSize], zeroSector[:]) {
			return false
		}
		b = b[sectorSize:]
	}
	return bytes.Equal(b, zeroSector[:len(b)])
}
