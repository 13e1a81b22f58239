package ledgerquery

import (
	"cmp"
	"slices"
	"time"

	"github.com/opendeed/audit/record"
)

// blockSize is the number of entries in a block.
const blockSize = 1024

// block is a run of entries and the range of their times.
type block struct {
	first, last    uint64
	oldest, newest time.Time
}

// add extends the block by the entry seq.
func (b *block) add(seq uint64, t time.Time) {
	b.last = seq
	if t.Before(b.oldest) {
		b.oldest = t
	}
	if t.After(b.newest) {
		b.newest = t
	}
}

// mayMatch reports whether the time range allows a match.
func (b *block) mayMatch(s *search) bool {
	switch {
	case !s.Since.IsZero() && b.newest.Before(s.Since),
		!s.Until.IsZero() && !b.oldest.Before(s.Until),
		s.after != nil && s.Ascending && b.newest.Before(s.after.Time),
		s.after != nil && !s.Ascending && b.oldest.After(s.after.Time):
		return false
	}
	return true
}

// isAfter reports whether every record of the block comes after r in the order of the
// search.
func (b *block) isAfter(s *search, r *record.Record) bool {
	if s.Ascending {
		return b.oldest.After(r.Time)
	}
	return b.newest.Before(r.Time)
}

// sortBlocks orders blocks by the first match that each may hold.
func sortBlocks(blocks []block, ascending bool) {
	slices.SortFunc(blocks, func(a, b block) int {
		if ascending {
			return cmp.Or(a.oldest.Compare(b.oldest), cmp.Compare(a.first, b.first))
		}
		return cmp.Or(b.newest.Compare(a.newest), cmp.Compare(a.first, b.first))
	})
}
