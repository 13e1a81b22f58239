package ledger

import (
	"errors"
	"fmt"
	"slices"
)

// errTorn says that a frame was being written when the machine stopped.
var errTorn = errors.New("torn frame")

// scanner reads the frames of a segment, from an offset to an end. Its memory is
// that of the largest frame.
type scanner struct {
	segment *segment
	offset  int64 // of the next frame
	end     int64 // nothing is behind it
	next    uint64

	header frameHeader
	frame  []byte
	ahead  []byte // what was read beyond the last frame
	start  int64  // of ahead
}

// readAhead is how much is read at least.
const readAhead = 256 << 10

func newScanner(s *segment, end int64) *scanner {
	return &scanner{segment: s, offset: segmentHeaderSize, end: end, next: s.first}
}

// scan reads the next frame with entries; header and frame hold it until the next
// call. It returns false at the end: where nothing but zeros follows. An error is
// errTorn, a *CorruptError, or one of reading.
func (s *scanner) scan() (bool, error) {
	for {
		more, err := s.scanAny()
		if !more || err != nil || s.header.kind == kindEntries {
			return more, err
		}
	}
}

func (s *scanner) scanAny() (bool, error) {
	if s.offset+frameHeaderSize > s.end {
		return false, nil
	}
	b, err := s.view(s.offset, frameHeaderSize)
	if err != nil {
		return false, err
	}
	at := s.segment.place(s.offset)
	h, ok := parseFrameHeader(b, at)
	if !ok {
		return false, s.badHeader(b)
	}
	if h.kind != kindEntries && h.kind != kindMark {
		return false, s.corrupt(s.offset, "a frame of an unknown kind; a newer version of this package may have written it")
	}
	if s.offset+h.size() > s.end {
		return false, s.corrupt(s.offset, "a frame goes beyond the end")
	}
	frame, err := s.view(s.offset, int(h.size()))
	if err != nil {
		return false, err
	}
	if !checkFrame(frame, &h, at) {
		return false, s.badFrame(frame, &h)
	}
	if h.first != s.next {
		return false, &CorruptError{
			Segment: s.segment.name(), Offset: s.offset, From: s.next, To: h.first - 1,
			Reason: "a frame does not continue the one before it",
		}
	}
	s.header, s.frame = h, frame
	s.offset += h.size()
	s.next += uint64(h.entries)
	return true, nil
}

// view returns n bytes at offset, which stay as they are until the next call.
func (s *scanner) view(offset int64, n int) ([]byte, error) {
	from := offset - s.start
	if from >= 0 && from+int64(n) <= int64(len(s.ahead)) {
		return s.ahead[from : from+int64(n)], nil
	}
	size := int(min(int64(max(n, readAhead)), s.end-offset))
	if cap(s.ahead) < size || cap(s.ahead) > 4*max(size, readAhead) {
		s.ahead = make([]byte, size)
	}
	s.ahead, s.start = s.ahead[:size], offset
	got, err := s.segment.file.ReadAt(s.ahead, offset)
	s.ahead = s.ahead[:got]
	if got >= n {
		return s.ahead[:n], nil
	}
	if isEnd(err) {
		return nil, s.corrupt(offset+int64(got), "the file ends")
	}
	return nil, fmt.Errorf("ledger: reading %s: %w", s.segment.name(), err)
}

// forget has everything read again.
func (s *scanner) forget() { s.ahead = s.ahead[:0] }

func (s *scanner) corrupt(offset int64, reason string) *CorruptError {
	return &CorruptError{Segment: s.segment.name(), Offset: offset, Reason: reason}
}

// badHeader says what it means that no frame begins at the offset.
func (s *scanner) badHeader(header []byte) error {
	// A frame's first eight bytes have several that are not zero: what was written
	// there and not synced is zero up to the end of its sector.
	rest := int(-s.offset & (sectorSize - 1))
	if rest == 0 {
		rest = sectorSize
	}
	var torn bool
	switch {
	case allZero(header[:min(rest, frameHeaderSize)]):
		first, err := s.firstNonZero(s.offset)
		if err != nil {
			return err
		}
		if first >= s.end {
			return nil // the end
		}
		torn = first >= s.offset+int64(rest)
	case rest < frameHeaderSize: // the header goes on in the next sector
		zeros, err := s.view(s.offset+int64(rest), int(min(sectorSize, s.end-s.offset-int64(rest))))
		if err != nil {
			return err
		}
		torn = allZero(zeros)
	default: // in one sector: a part of it, and nothing of what follows it
		first, err := s.firstNonZero(s.offset + frameHeaderSize)
		if err != nil {
			return err
		}
		torn = first >= s.end
	}
	return s.tornOrCorrupt(torn, "it is not the header of a frame")
}

// badFrame says what it means that the frame, which has a good header, is not as
// its checksum says.
func (s *scanner) badFrame(frame []byte, h *frameHeader) error {
	torn := allZero(frame[len(frame)-frameTrailerSize:]) || // which also is the last of its sector
		h.flags&flagZeros == 0 && hasZeroSector(frame, s.offset)
	return s.tornOrCorrupt(torn, "the checksum of a frame is wrong")
}

// tornOrCorrupt returns errTorn if what is at the offset looks torn and nothing
// behind it says that it was sound once.
func (s *scanner) tornOrCorrupt(torn bool, reason string) error {
	if torn {
		_, next, err := s.findFrame(s.offset + frameAlign)
		if err != nil {
			return err
		}
		if next == nil || next.sound <= s.offset {
			return errTorn
		}
	}
	return s.corrupt(s.offset, reason)
}

// firstNonZero returns the offset of the first byte from offset on that is not zero,
// or the end.
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

// headerHere returns the header of the frame that could not be read, if that is as it
// was written.
func (s *scanner) headerHere() (h frameHeader, ok bool) {
	if s.offset+frameHeaderSize > s.end {
		return h, false
	}
	b, err := s.view(s.offset, frameHeaderSize)
	if err != nil {
		return h, false
	}
	return parseFrameHeader(b, s.segment.place(s.offset))
}

// skip moves to the next frame that is as it was written, behind the one that is
// not, and reports whether there is one.
func (s *scanner) skip() (bool, error) {
	offset, next, err := s.findFrame(s.offset + frameAlign)
	if err != nil || next == nil {
		return false, err
	}
	s.offset, s.next = offset, next.first
	return true, nil
}

// unread returns a number that no entry had which may have been from the scanner's
// place on, where nothing can be read.
func (s *scanner) unread() uint64 {
	if h, ok := s.headerHere(); ok {
		first, err := s.firstNonZero(s.offset + h.size())
		if err == nil && first >= s.end {
			return h.last() + 1 // it was the only frame
		}
	}
	return s.next + uint64(s.end-s.offset)/entryOverhead
}

// findFrame returns where the next frame is, from offset on, that is as it was
// written.
func (s *scanner) findFrame(offset int64) (int64, *frameHeader, error) {
	for ; offset+frameHeaderSize <= s.end; offset += frameAlign {
		b, err := s.view(offset, frameHeaderSize)
		if _, ends := errors.AsType[*CorruptError](err); ends {
			return 0, nil, nil // the file does
		}
		if err != nil {
			return 0, nil, err
		}
		at := s.segment.place(offset)
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
