package ledgerquery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
)

var _ query.Counter = (*Reader)(nil)

// CountRecords implements query.Counter. It adds up what the indexes know for certain, and reads
// the entries that they leave open: those at the edge of an hour, a day or a range of times; those
// that may have been stored twice; and those that may match a condition. So all counts are exact,
// unless Quick is set.
//
// It supports filters by times, actors, tenants, channels, actions, operations, outcomes and kinds,
// and Not of these. Counts by actor need Quick, or less than 256 actors in each segment. Damage
// since an entry was indexed is not noticed if the entry is not read.
func (r *Reader) CountRecords(ctx context.Context, f query.Filter, by query.Facets) (*query.Counts, error) {
	f.Ascending = false
	if !isCountable(&f) {
		return nil, errors.ErrUnsupported
	}
	for {
		s, err := newSearch(f, true)
		if err != nil {
			return nil, err
		}
		counts, err := r.countNow(ctx, s, by)
		if err == nil {
			return counts, nil
		}
		bad, ok := errors.AsType[*badIndexError](err)
		if !ok {
			return nil, fmt.Errorf("ledgerquery: %w", err)
		}
		r.known.reject(bad.part, bad.err) // its entries are read
	}
}

func (r *Reader) countNow(ctx context.Context, s *search, by query.Facets) (*query.Counts, error) {
	snap, err := r.known.refresh(ctx, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = snap.close() }() // only read
	if len(snap.damage) > 0 {
		return nil, errors.ErrUnsupported // a search says what cannot be read
	}
	c := newCounting(s, snap, by)
	c.cache = &r.counts
	return c.count(ctx)
}

// counting is a count under way.
type counting struct {
	search   *search
	snapshot *snapshot
	fetcher  fetcher
	cache    *countCache
	by       query.Facets
	unit     query.Facet // ByHour or ByDay, if times are counted
	timed    bool        // whether they are
}

// partCounts are the counts of a part.
type partCounts struct {
	tally *query.Tally
	// incomplete has the facets of which the index does not have all values, by their number.
	incomplete map[int]index.Facet
}

func newCounting(s *search, snap *snapshot, by query.Facets) *counting {
	c := &counting{search: s, snapshot: snap, by: by, unit: query.ByDay}
	c.fetcher = fetcher{search: s, snapshot: snap}
	if len(snap.parts) > 0 {
		c.fetcher.hasher = index.NewHasher(snap.parts[0].segment.Ledger)
	}
	for _, facet := range by.By {
		if facet == query.ByHour || facet == query.ByDay {
			c.timed = true
		}
		if facet == query.ByHour {
			c.unit = facet
		}
	}
	return c
}

// count counts the newest parts first, so that a count that is interrupted has what is newest.
func (c *counting) count(ctx context.Context) (*query.Counts, error) {
	from, to := c.search.times()
	parts := slices.DeleteFunc(slices.Clone(c.snapshot.parts), func(p *part) bool { return p.newest < from || p.oldest > to })
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(b.newest, a.newest) })
	tally, since := query.NewTally(c.by), time.Time{}
	counted := make([]*partCounts, len(parts))
	for i, p := range parts {
		counts, err := c.countPart(ctx, p)
		if err != nil {
			// An index has one time for all after 2262, so nobody knows which of them were counted.
			if !c.by.Quick || i == 0 || ctx.Err() == nil || p.newest == math.MaxInt64 {
				return nil, err
			}
			since = time.Unix(0, p.newest).Add(1).UTC() // some at that time may be missing
			break
		}
		tally.AddTally(counts.tally)
		counted[i] = counts
	}
	counts := tally.Counts()
	counts.Since = since
	for i := range counts.Facets {
		f := &counts.Facets[i]
		if f.Incomplete && !c.by.Quick { // not the same ones are counted
			return nil, errors.ErrUnsupported
		}
		for n := range f.Values {
			exact := since.IsZero()
			for at := 0; at < len(parts) && exact; at++ {
				var err error
				if exact, err = c.isExact(i, &f.Values[n], parts[at], counted[at]); err != nil {
					return nil, &badIndexError{parts[at], err}
				}
			}
			f.Values[n].AtLeast = !exact
		}
	}
	return counts, nil
}

// isExact reports whether a part has no more records with a value of a facet than were counted.
func (c *counting) isExact(facet int, v *query.FacetValue, p *part, counts *partCounts) (bool, error) {
	known, incomplete := counts.incomplete[facet]
	switch {
	case counts.tally.IsFull(facet):
		return false, nil // it may have come too late
	case !incomplete:
		return true, nil
	case c.by.Top == 0: // there may be very many
		return false, nil
	case c.by.By[facet] == query.ByActor:
		return p.file.IsExact(c.snapshot.indexOf(p), known, v.Actor.ID)
	}
	return p.file.IsExact(c.snapshot.indexOf(p), known, v.Value)
}

// countPart counts a part, or returns what was counted before.
func (c *counting) countPart(ctx context.Context, p *part) (*partCounts, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	counts := &partCounts{tally: query.NewTally(c.by)}
	if p.file == nil { // a few new entries
		return counts, c.readPart(ctx, p, counts)
	}
	key, whole := c.keyOf(p)
	if whole {
		if kept := c.cache.find(key); kept != nil {
			return kept, nil
		}
	}
	counts.incomplete = map[int]index.Facet{}
	pc := partCount{counting: c, partCounts: counts, part: p, r: c.snapshot.indexOf(p)}
	err := pc.add()
	switch {
	case errors.Is(err, errIncomplete):
		counts = &partCounts{tally: query.NewTally(c.by)}
		err = c.readPart(ctx, p, counts)
	case err != nil:
		err = &badIndexError{p, err}
	default:
		err = c.read(ctx, p, pc.found.Maybe, counts)
	}
	if err == nil && whole {
		c.cache.keep(key, counts)
	}
	return counts, err
}

// readPart counts a part by reading its entries.
func (c *counting) readPart(ctx context.Context, p *part, counts *partCounts) error {
	var failed error
	err := find(ctx, c.search, c.snapshot, []*part{p}, func(m *match, err error) bool {
		if failed = counts.addMatch(m, err); failed != nil {
			return false
		}
		return true
	})
	c.search.after = nil // find has advanced it
	return cmp.Or(failed, err)
}

// addMatch adds an entry that was read.
func (c *partCounts) addMatch(m *match, err error) error {
	if err != nil || c.tally.AddLine(&m.Line) != nil {
		return errors.ErrUnsupported // a search says all that cannot be read
	}
	return nil
}

// read counts the entries of a part that match, of some places.
func (c *counting) read(ctx context.Context, p *part, places *index.Places, counts *partCounts) error {
	if places.Len() == 0 {
		return nil
	}
	r := c.snapshot.indexOf(p)
	ps := &partSearch{part: p, places: places}
	var err error
	if ps.repeats, err = p.Repeats(r); err != nil {
		return &badIndexError{p, err}
	}
	blocks, err := p.Blocks(r)
	if err != nil {
		return &badIndexError{p, err}
	}
	var batch batch
	for i := range blocks {
		span := p.Span(i)
		if n := places.CountIn(span.From, span.To); n > 0 {
			if err := c.addCandidates(&batch, ps, i, n); err != nil {
				return &badIndexError{p, err}
			}
		}
		if batch.isFull(maxBatch) || i == blocks-1 {
			if err := c.readBatch(ctx, batch.candidates, counts); err != nil {
				return err
			}
			batch = batch.cleared()
		}
	}
	return nil
}

// addCandidates adds those of a block, of which n may match.
func (c *counting) addCandidates(batch *batch, ps *partSearch, block, n int) error {
	b, err := ps.Block(c.snapshot.indexOf(ps.part), block)
	if err != nil {
		return err
	}
	if n > b.N/4 { // all of it is read at once
		batch.add(candidate{part: ps, place: b.First, block: b})
		return nil
	}
	ps.places.Range(b.First, b.First+b.N, func(place int) {
		frame, ok := b.Frame(place)
		if !ok {
			err = index.ErrBad
		}
		batch.add(candidate{part: ps, place: place, frame: frame})
	})
	return err
}

func (c *counting) readBatch(ctx context.Context, batch []candidate, counts *partCounts) error {
	result := c.fetcher.fetch(ctx, batch)
	if len(result.damage) > 0 {
		return errors.ErrUnsupported
	}
	for i := range result.matches {
		if err := counts.addMatch(&result.matches[i], nil); err != nil {
			return err
		}
	}
	return result.err
}
