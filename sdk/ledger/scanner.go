package ledger

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// errTorn means that a frame was being written when the machine stopped.
var errTorn = errors.New("torn frame")

// scanner reads the frames of a segment in order. Its memory is bounded by the largest
// frame.
type scanner struct {
	segment *segment
	offset  int64  // of the next frame
	end     int64  // limit for reading
	next    uint64 // sequence number of the next entry

	header      frameHeader
	frame       []byte
	buffer      []byte // bytes that were read at bufferStart
	bufferStart int64
	badSector   error  // the last error of a device that could not read
	zeros       *zeros // what was seen of a segment that is being written, or nil
}

// readAhead is the least number of bytes that are read at once.
const readAhead = 256 << 10

func newScanner(s *segment, end int64) *scanner {
	return &scanner{segment: s, offset: segmentHeaderSize, end: end, next: s.first}
}

// scan reads the next frame with entries into header and frame, which are valid until
// the next call. It returns false at the end, where only zeros follow. The error is
// errTorn, a *CorruptError, or a read error.
func (s *scanner) scan() (bool, error) {
	for {
		found, err := s.scanAny()
		if !found || err != nil || s.header.kind == kindEntries {
			return found, err
		}
	}
}

// scanAny is scan, but also returns marks.
func (s *scanner) scanAny() (bool, error) {
	if s.offset+frameHeaderSize > s.end {
		return false, nil
	}
	b, err := s.view(s.offset, frameHeaderSize)
	if err != nil {
		return false, err
	}
	at := s.segment.location(s.offset)
	h, ok := parseFrameHeader(b, at)
	if !ok {
		return false, s.badHeaderError(b)
	}
	if h.kind != kindEntries && h.kind != kindMark {
		return false, s.corrupt(s.offset, "the frame is of an unknown kind; a newer version of this package may have written it")
	}
	if s.offset+h.size() > s.end {
		return false, s.corrupt(s.offset, "the frame extends past the end of the segment")
	}
	frame, err := s.view(s.offset, int(h.size()))
	if err != nil {
		return false, err
	}
	if !checkFrame(frame, &h, at) {
		return false, s.badFrameError(frame, &h)
	}
	if h.first != s.next {
		return false, &CorruptError{
			File: s.segment.name(), Offset: s.offset, First: s.next, Last: h.first - 1,
			Reason: "the frame does not continue the previous one",
		}
	}
	s.header, s.frame = h, frame
	s.offset += h.size()
	s.next += uint64(h.entries)
	return true, nil
}

// view returns n bytes at offset. They are valid until the next call.
func (s *scanner) view(offset int64, n int) ([]byte, error) {
	from := offset - s.bufferStart
	if from >= 0 && from+int64(n) <= int64(len(s.buffer)) {
		return s.buffer[from : from+int64(n)], nil
	}
	size := int(min(int64(max(n, readAhead)), s.end-offset))
	// A large buffer is kept while frames need it: the last one, or the next.
	if cap(s.buffer) < size || int64(cap(s.buffer)) > 4*max(int64(size), readAhead, s.header.size()) {
		s.buffer = make([]byte, size)
	}
	s.buffer, s.bufferStart = s.buffer[:size], offset
	got, err := s.segment.file.ReadAt(s.buffer, offset)
	if isBadSector(err) {
		got, err = s.readAroundBadSectors(offset)
	}
	s.buffer = s.buffer[:got]
	if got >= n {
		return s.buffer[:n], nil
	}
	if isShortRead(err) {
		return nil, s.corrupt(offset+int64(got), "the file ends early")
	}
	return nil, fmt.Errorf("ledger: read %s: %w", s.segment.name(), err)
}

// readAroundBadSectors fills the buffer sector by sector. Where the device cannot read,
// the buffer gets bytes that no valid frame consists of, so that this is damage like any
// other.
func (s *scanner) readAroundBadSectors(offset int64) (got int, err error) {
	for got < len(s.buffer) && err == nil {
		end := min((offset+int64(got))/sectorSize*sectorSize+sectorSize-offset, int64(len(s.buffer)))
		sector := s.buffer[got:end]
		var n int
		if n, err = s.segment.file.ReadAt(sector, offset+int64(got)); isBadSector(err) {
			s.badSector = err
			for i := range sector {
				sector[i] = 0xff
			}
			n, err = len(sector), nil
		}
		got += n
	}
	return got, err
}

// isBadSector reports whether a device could not read a part of a file.
func isBadSector(err error) bool { return errors.Is(err, syscall.EIO) }

// discardBuffer makes the next call of view read the file again.
func (s *scanner) discardBuffer() { s.buffer = s.buffer[:0] }

func (s *scanner) corrupt(offset int64, reason string) *CorruptError {
	if s.badSector != nil {
		reason += "; the device could not read a part of the file: " + s.badSector.Error()
	}
	return &CorruptError{File: s.segment.name(), Offset: offset, Reason: reason}
}

// endsInBuffer reports whether zeros are buffered where the next frame would begin. The file
// may have more by now.
func (s *scanner) endsInBuffer() bool {
	from := s.offset - s.bufferStart
	return from >= 0 && from+frameHeaderSize <= int64(len(s.buffer)) && allZero(s.buffer[from:from+frameHeaderSize])
}

// badHeaderError explains why no valid header is at the offset: the segment ends there
// (nil), the frame is torn, or it is damaged.
func (s *scanner) badHeaderError(header []byte) error {
	// The first eight bytes of a frame are not all zero. So where they are, the frame's
	// first sector was not written, and is zero from there on.
	rest := int(-s.offset & (sectorSize - 1))
	if rest == 0 {
		rest = sectorSize
	}
	var torn bool
	switch {
	case allZero(header[:min(rest, frameHeaderSize)]):
		first, err := s.firstAfterEnd()
		if err != nil {
			return err
		}
		if first >= s.end {
			return nil // the end
		}
		torn = first >= s.offset+int64(rest)
	case rest < frameHeaderSize: // the header continues in the next sector
		zeros, err := s.view(s.offset+int64(rest), int(min(sectorSize, s.end-s.offset-int64(rest))))
		if err != nil {
			return err
		}
		torn = allZero(zeros)
	default: // in one sector, which was written in part, and none after it
		first, err := s.firstNonZero(s.offset + frameHeaderSize)
		if err != nil {
			return err
		}
		torn = first >= s.end
	}
	return s.tornOrCorrupt(torn, "no frame begins here")
}

// badFrameError explains why a frame with a valid header has a wrong checksum: it is
// torn or damaged.
func (s *scanner) badFrameError(frame []byte, h *frameHeader) error {
	torn := allZero(frame[len(frame)-frameTrailerSize:]) || // the end of its last sector
		h.flags&flagZeroSector == 0 && hasZeroSector(frame, s.offset)
	return s.tornOrCorrupt(torn, "the checksum of the frame is wrong")
}

// tornOrCorrupt returns errTorn if the frame at the offset looks torn and no later
// frame proves that it was synced. Otherwise it returns a *CorruptError.
func (s *scanner) tornOrCorrupt(torn bool, reason string) error {
	if torn {
		_, next, err := s.findFrame(s.offset + frameAlign)
		if err != nil {
			return err
		}
		if next == nil || next.syncedEnd <= s.offset {
			return errTorn
		}
	}
	return s.corrupt(s.offset, reason)
}

// firstNonZero returns the offset of the first byte at or after offset that is not
// zero, or the end.
func (s *scanner) firstNonZero(offset int64) (int64, error) {
	for offset < s.end {
		b, err := s.view(offset, int(min(readAhead, s.end-offset)))
		if err != nil {
			return 0, err
		}
		if !allZero(b) {
			return offset + int64(slices.IndexFunc(b, func(c byte) bool { return c != 0 })), nil
		}
		offset += int64(len(b))
	}
	return s.end, nil
}

// headerAtOffset returns the header at the scanner's offset if it is valid.
func (s *scanner) headerAtOffset() (h frameHeader, ok bool) {
	if s.offset+frameHeaderSize > s.end {
		return h, false
	}
	b, err := s.view(s.offset, frameHeaderSize)
	if err != nil {
		return h, false
	}
	return parseFrameHeader(b, s.segment.location(s.offset))
}

// skipToNextFrame moves past a bad frame to the next valid one, and reports whether
// there is one.
func (s *scanner) skipToNextFrame() (bool, error) {
	offset, next, err := s.findFrame(s.offset + frameAlign)
	if err != nil || next == nil {
		return false, err
	}
	s.offset, s.next = offset, next.first
	return true, nil
}

// nextUnusedSeq returns a sequence number that no entry at or after the scanner's
// offset can have, where nothing can be read.
func (s *scanner) nextUnusedSeq() uint64 {
	if h, ok := s.headerAtOffset(); ok {
		first, err := s.firstNonZero(s.offset + h.size())
		if err == nil && first >= s.end {
			return h.last() + 1 // it was the only frame
		}
	}
	return s.next + uint64(s.end-s.offset)/entryOverhead
}

// findFrame returns the first valid frame at or after offset, or a nil header.
func (s *scanner) findFrame(offset int64) (int64, *frameHeader, error) {
	for ; offset+frameHeaderSize <= s.end; offset += frameAlign {
		b, err := s.view(offset, frameHeaderSize)
		if _, ends := errors.AsType[*CorruptError](err); ends {
			return 0, nil, nil // end of file
		}
		if err != nil {
			return 0, nil, err
		}
		at := s.segment.location(offset)
		h, ok := parseFrameHeader(b, at)
		if !ok || offset+h.size() > s.end {
			continue
		}
		frame, err := s.view(offset, int(h.size()))
		if _, ends := errors.AsType[*CorruptError](err); ends {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		if checkFrame(frame, &h, at) {
			return offset, &h, nil
		}
	}
	return 0, nil, nil
}
