package ledgerquery

import (
	"context"

	"github.com/opendeed/audit/query/internal/index"
)

// scan reads all entries of a block, and adds those that match. Most are ruled out by their
// JSON.
func (f *fetcher) scan(ctx context.Context, matcher *entryMatcher, c candidate, sections *sectionReader, result *fetched) {
	b := c.block
	for i, frame := range b.Frames {
		from, to := max(b.First, frame.First), b.First+b.N
		if i+1 < len(b.Frames) {
			to = b.Frames[i+1].First
		}
		read, err := sections.read(c.part, frame, b.End())
		if err != nil {
			result.add(err, c.part, from, to-1)
			continue
		}
		place := int(int64(read.First - c.part.first)) // negative before the index
		if place != frame.First || to > place+read.Entries {
			result.err = &badIndexError{c.part.part, index.ErrBad}
		}
		for e := range read.All() {
			if result.err != nil || place >= to {
				break
			}
			if place >= from && f.search.mayMatch(e.Data) && c.isCandidate(place) {
				c.place = place
				f.matchEntry(ctx, matcher, c, e, result)
			}
			place++
		}
	}
}

// isCandidate reports whether a place of a block may be that of a match.
func (c *candidate) isCandidate(place int) bool {
	_, _, ok := c.block.Times(place)
	return ok && (c.part.places == nil || c.part.places.Any(place, place+1))
}
