package ledger

import (
	"errors"
	"io/fs"
	"slices"
)

// extent is what one segment contributes to the ledger.
type extent struct {
	number uint64
	first  uint64 // sequence number of its first entry
	next   uint64 // that of the first entry behind it; 0 while it is the last
	end    int64  // where its last frame ends; of the last one, how far it may be read
	sealed int64  // Unix nanoseconds: when the next one was made
}

// catalogue has the extents of a ledger.
type catalogue struct {
	extents []extent // from the oldest to the newest
	floor   uint64   // sequence number of the oldest entry that was not removed
	newest  *segmentHeader
	damage  []error // headers and files that cannot be read
}

// find returns the extent that holds seq, or else the next one.
func (c *catalogue) find(seq uint64) (extent, bool) {
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

// lacks reports whether the entry is older than all that are there.
func (c *catalogue) lacks(seq uint64) bool {
	return len(c.extents) == 0 || c.extents[0].first > seq
}

// segmentFiles returns the numbers of the segment files, from the oldest.
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

// loadCatalogue reads the headers of the segments, from the newest to the oldest,
// since each says which it continues. It fails where a file was removed meanwhile.
func loadCatalogue(dir fileSystem, s *state) (*catalogue, error) {
	names, err := dir.List()
	if err != nil {
		return nil, err
	}
	c := &catalogue{floor: s.first}
	numbers := segmentFiles(names)
	if s.newest != 0 && (len(numbers) == 0 || numbers[len(numbers)-1] < s.newest) {
		c.damage = append(c.damage, missing(s.newest))
	}
	var behind *segmentHeader
	for _, number := range slices.Backward(numbers) {
		if number < s.oldest {
			break // its removal was interrupted
		}
		if behind != nil && number > behind.previous {
			continue // void
		}
		h, err := readSegmentHeader(dir, s.id, number)
		if corrupt, is := errors.AsType[*CorruptError](err); is {
			c.damage = append(c.damage, corrupt)
		} else if err != nil {
			return nil, err
		}
		if h == nil {
			continue
		}
		if behind != nil && number != behind.previous && !slices.Contains(numbers, behind.previous) {
			c.damage = append(c.damage, missing(behind.previous))
		}
		c.prepend(s, h, behind)
		behind = h
	}
	slices.Reverse(c.extents)
	return c, nil
}

// prepend adds the extent of a segment, of which behind is the next.
func (c *catalogue) prepend(s *state, h, behind *segmentHeader) {
	e := extent{number: h.number, first: h.first, end: h.capacity}
	switch {
	case behind != nil:
		e.next, e.sealed = behind.first, behind.created
		if behind.previous == h.number { // else one between cannot be read
			e.end = behind.previousEnd
		}
	case s.closed && s.newest == h.number:
		e.next, e.end = s.next, s.end
	}
	if behind == nil {
		c.newest = h
	}
	c.extents = append(c.extents, e)
}

func missing(number uint64) *CorruptError {
	return &CorruptError{Segment: segmentName(number), Reason: "it is missing"}
}

// readSegmentHeader returns the header, if it can be read, also with an error.
func readSegmentHeader(dir fileSystem, id ledgerID, number uint64) (*segmentHeader, error) {
	s, err := openSegment(dir, id, number)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errRemoved
	}
	if err != nil {
		return nil, err
	}
	return &s.segmentHeader, errors.Join(s.checkSize(), s.file.Close())
}

// errRemoved says that retention removed a segment that was about to be read.
var errRemoved = errors.New("ledger: a segment was removed")
