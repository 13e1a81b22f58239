package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"
)

// extent is the part of the ledger that one segment holds.
type extent struct {
	number uint64
	first  uint64 // sequence number of its first entry
	next   uint64 // sequence number of the entry after its last one; 0 if unknown
	end    int64  // offset after its last frame; if next is unknown, the limit for reading
	sealed int64  // when the next segment was created, in Unix nanoseconds
	// sealedAge is the age of the ledger when the next segment was created.
	sealedAge time.Duration
	open      bool // it is the last one, and may grow
	loose     bool // end is only a limit: the header that records it is damaged
}

// catalog lists the extents of a ledger.
type catalog struct {
	extents []extent // oldest first
	floor   uint64   // sequence number of the oldest entry that was not removed
	newest  *segmentHeader
	damage  []error // headers that cannot be read, and files that are missing

	newestFile uint64 // highest number of a segment file
}

// find returns the extent that holds seq. If none does, it returns the next one.
func (c *catalog) find(seq uint64) (extent, bool) {
	at, _ := slices.BinarySearchFunc(c.extents, seq, func(e extent, seq uint64) int {
		switch {
		case seq < e.first:
			return 1
		case e.next != 0 && seq >= e.next:
			return -1
		}
		return 0
	})
	if at == len(c.extents) {
		return extent{}, false
	}
	return c.extents[at], true
}

// startsAfter reports whether the first extent begins after seq.
func (c *catalog) startsAfter(seq uint64) bool {
	return len(c.extents) == 0 || c.extents[0].first > seq
}

// segmentFiles returns the numbers of the segment files, oldest first.
func segmentFiles(names []string) []uint64 {
	var numbers []uint64
	for _, name := range names {
		if number, ok := segmentNumber(name); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// loadCatalog reads the segment headers from the newest to the oldest, since each
// header names the segment that it continues. It returns errSegmentRemoved if a file
// disappears meanwhile.
func loadCatalog(dir fileSystem, s *state) (*catalog, error) {
	names, err := dir.List()
	if err != nil {
		return nil, err
	}
	c := &catalog{floor: s.first, newestFile: newestNumber(names)}
	numbers := segmentFiles(names)
	if s.newest != 0 && (len(numbers) == 0 || numbers[len(numbers)-1] < s.newest) {
		c.damage = append(c.damage, missingSegment(s.newest))
	}
	var successor *segmentHeader
	for _, number := range slices.Backward(numbers) {
		if number < s.oldest {
			break // removed, but its removal was interrupted
		}
		if successor != nil && !successor.rebuilt && number > successor.previous {
			continue // void
		}
		h, err := readSegmentHeader(dir, s.id, number)
		if corrupt, ok := errors.AsType[*CorruptError](err); ok {
			c.damage = append(c.damage, corrupt)
			if h == nil {
				h, err = rebuildHeader(dir, s.id, number)
			} else {
				err = nil
			}
		}
		if err != nil {
			return nil, err
		}
		if h == nil {
			continue
		}
		if successor != nil && !successor.rebuilt && number != successor.previous && !slices.Contains(numbers, successor.previous) {
			c.damage = append(c.damage, missingSegment(successor.previous))
		}
		c.addOlder(s, h, successor)
		successor = h
	}
	slices.Reverse(c.extents)
	return c, nil
}

// addOlder appends the extent of the segment before successor. Extents are in reverse
// order until loadCatalog reverses them.
func (c *catalog) addOlder(s *state, h, successor *segmentHeader) {
	e := extent{number: h.number, first: h.first, end: h.capacity, sealedAge: math.MaxInt64, open: successor == nil}
	switch {
	case successor != nil:
		e.next, e.loose = successor.first, successor.rebuilt
		e.sealed, e.sealedAge = successor.created, successor.age
		if successor.rebuilt { // its age is lost; that of the next one is higher
			e.sealedAge = c.extents[len(c.extents)-1].sealedAge
		}
		if successor.previous == h.number { // otherwise one between them cannot be read
			e.end = successor.previousEnd
		}
	case s.closed && s.newest == h.number:
		e.next, e.end = s.next, s.end
	}
	if successor == nil {
		c.newest = h
	}
	c.extents = append(c.extents, e)
}

// missingSegment returns the error for a segment file that should exist.
func missingSegment(number uint64) *CorruptError {
	return missingFile(segmentName(number))
}

// missingFile is missingSegment for any file.
func missingFile(name string) *CorruptError {
	return &CorruptError{File: name, Reason: "the file is missing"}
}

// rebuildHeader derives a damaged header from the segment's frames, each of which has
// the ledger and the segment in its checksums. It returns nil if there are none.
func rebuildHeader(dir fileSystem, id ledgerID, number uint64) (*segmentHeader, error) {
	s, err := openFrames(dir, id, extent{number: number})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errSegmentRemoved
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.file.Close() }() // opened for reading only
	size, err := s.file.Size()
	if err != nil {
		return nil, fmt.Errorf("ledger: %s: %w", s.name(), err)
	}
	_, first, err := newScanner(s, size).findFrame(segmentHeaderSize)
	if err != nil || first == nil {
		return nil, err
	}
	h := s.segmentHeader
	h.first, h.capacity, h.created, h.rebuilt = first.first, size, first.time, true
	return &h, nil
}

// openFrames opens the segment of an extent. It does not read the header again: each
// frame has the ledger, the segment and the offset in its checksums.
func openFrames(dir fileSystem, id ledgerID, e extent) (*segment, error) {
	f, err := dir.Open(segmentName(e.number))
	if err != nil {
		return nil, err
	}
	return &segment{segmentHeader: segmentHeader{ledger: id, number: e.number, first: e.first}, file: f}, nil
}

// readSegmentHeader returns the header of a segment. If the file is too short, it
// returns both the header and an error.
func readSegmentHeader(dir fileSystem, id ledgerID, number uint64) (*segmentHeader, error) {
	s, err := openSegment(dir, id, number)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errSegmentRemoved
	}
	if err != nil {
		return nil, err
	}
	return &s.segmentHeader, errors.Join(s.checkSize(), s.file.Close())
}

// errSegmentRemoved means that retention removed a segment before it was read.
var errSegmentRemoved = errors.New("ledger: a segment was removed while it was read")
