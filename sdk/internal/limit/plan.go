package limit

import (
	"slices"
	"sort"

	"github.com/opendeed/audit/record"
)

// plan says how much of a record is kept.
type plan struct {
	elements int // of each list and map: the first ones
	depth    int // of slices and maps in a value
	text     int // bytes of JSON of each text that can be shortened
}

const (
	// shortText is the length to which texts are shortened before elements of lists are
	// left out, in bytes of JSON.
	shortText = 64
	// firstWords is how much is always kept of a reason and of a failure.
	firstWords = 512
)

// budget is how large a record may be, in bytes of JSON.
type budget struct {
	size  int
	marks int // of it, kept free for the marks of what is shortened
}

// shorten returns a copy of the record that is within the budget. It keeps whole what fits:
// the texts that can be shortened share the room, so the longest are shortened first, all
// to the same length. Only if that is not enough are the last elements of the longest lists
// left out, and then the values that are nested most deeply.
func shorten(r *record.Record, b budget) *record.Record {
	whole := plan{elements: maxElements, depth: record.MaxNesting, text: record.MaxSize}
	if m := measure(r, whole); m.fixed+m.total(record.MaxSize) <= 2*b.size { // which is not exact
		if c := shape(r, whole); jsonSize(c) <= b.size {
			return c
		}
	}
	room := b.size - b.marks
	for _, depth := range []int{record.MaxNesting, record.MaxNesting / 4, 1, 0} {
		fits := func(elements int) bool {
			m := measure(r, plan{elements, depth, shortText})
			return m.fixed+m.total(shortText) <= room
		}
		const few = 16
		if depth > 0 && !fits(few) {
			continue
		}
		elements := maxElements
		if !fits(elements) {
			elements = max(0, sort.Search(maxElements, func(n int) bool { return !fits(n) })-1)
		}
		m := measure(r, plan{elements, depth, record.MaxSize})
		for room := room; room >= m.fixed; room -= b.size / 16 {
			if c := shape(r, plan{elements, depth, m.level(room - m.fixed)}); jsonSize(c) <= b.size {
				return c
			}
		}
	}
	return shape(r, plan{})
}

// total returns the size of all texts if none is longer than level.
func (s *shaper) total(level int) int {
	total := 0
	for _, width := range s.texts {
		total += min(width, level)
	}
	return total
}

// level returns the length to which texts must be shortened so that all have the size room.
func (s *shaper) level(room int) int {
	widths := slices.Sorted(slices.Values(s.texts))
	for i, width := range widths {
		share := room / (len(widths) - i)
		if width > share {
			return max(share, shortText)
		}
		room -= width
	}
	return record.MaxSize
}
