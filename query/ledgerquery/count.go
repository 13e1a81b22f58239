package ledgerquery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	s, err := newSearch(f, true)
	if err != nil {
		return nil, err
	}
	snap, err := r.known.refresh(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("ledgerquery: %w", err)
	}
	defer func() { _ = snap.close() }() // only read
	if len(snap.damage) > 0 {
		return nil, errors.ErrUnsupported // a search says what cannot be read
	}
	c := newCounting(s, snap, by)
	counts, err := c.count(ctx)
	if bad, ok := errors.AsType[*badIndexError](err); ok {
		r.known.reject(bad.part, bad.err)
		return nil, errors.ErrUnsupported
	}
	return counts, err
}

// counting is a count under way.
type counting struct {
	search   *search
	snapshot *snapshot
	fetcher  fetcher
	by       query.Facets
	tally    *query.Tally
	unit     query.Facet // ByHour or ByDay, if times are counted
	timed    bool        // whether they are
	// incomplete are the columns of each facet that do not have all values.
	incomplete [][]index.Column
}

func newCounting(s *search, snap *snapshot, by query.Facets) *counting {
	c := &counting{search: s, snapshot: snap, by: by, tally: query.NewTally(by), unit: query.ByDay, incomplete: make([][]index.Column, len(by.By))}
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
	since := time.Time{}
	for i, p := range parts {
		err := c.addPart(ctx, p)
		if err == nil {
			continue
		}
		if !c.by.Quick || i == 0 || ctx.Err() == nil {
			return nil, err
		}
		since = time.Unix(0, p.newest).Add(1).UTC() // some at that time may be missing
		break
	}
	counts := c.tally.Counts()
	for i := range counts.Facets {
		if counts.Facets[i].Incomplete && !c.by.Quick { // not the same ones are counted
			return nil, errors.ErrUnsupported
		}
		if err := c.markValues(&counts.Facets[i], c.incomplete[i], !since.IsZero()); err != nil {
			return nil, err
		}
	}
	counts.Since = since
	return counts, nil
}

// addPart counts a part.
func (c *counting) addPart(ctx context.Context, p *part) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.file == nil { // a few new entries
		return c.readPart(ctx, p)
	}
	pc := partCount{counting: c, part: p, r: c.snapshot.indexOf(p)}
	err := pc.add()
	switch {
	case errors.Is(err, errIncomplete):
		return c.readPart(ctx, p)
	case err != nil:
		return &badIndexError{p, err}
	}
	return c.read(ctx, p, pc.found.Maybe)
}

// readPart counts a part by reading its entries.
func (c *counting) readPart(ctx context.Context, p *part) error {
	var failed error
	err := find(ctx, c.search, c.snapshot, []*part{p}, func(m *match, err error) bool {
		if failed = c.addMatch(m, err); failed != nil {
			return false
		}
		return true
	})
	c.search.after = nil // find has advanced it
	return cmp.Or(failed, err)
}

// addMatch adds an entry that was read.
func (c *counting) addMatch(m *match, err error) error {
	if err != nil || c.tally.AddLine(&m.Line) != nil {
		return errors.ErrUnsupported // a search says all that cannot be read
	}
	return nil
}

// read counts the entries of a part that match, of some places.
func (c *counting) read(ctx context.Context, p *part, places *index.Places) error {
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
	var batch []candidate
	for i := range blocks {
		span := p.Span(i)
		if n := places.CountIn(span.From, span.To); n > 0 {
			if batch, err = c.candidates(ps, i, n, batch); err != nil {
				return &badIndexError{p, err}
			}
		}
		if len(batch) >= maxBatch || i == blocks-1 {
			if err := c.readBatch(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

// candidates appends those of a block, of which n may match.
func (c *counting) candidates(ps *partSearch, block, n int, batch []candidate) ([]candidate, error) {
	b, err := ps.Block(c.snapshot.indexOf(ps.part), block)
	if err != nil {
		return batch, err
	}
	if n > b.N/4 { // all of it is read at once
		return append(batch, candidate{part: ps, place: b.First, block: b}), nil
	}
	ps.places.Range(b.First, b.First+b.N, func(place int) {
		frame, ok := b.Frame(place)
		if !ok {
			err = index.ErrBad
		}
		batch = append(batch, candidate{part: ps, place: place, frame: frame})
	})
	return batch, err
}

func (c *counting) readBatch(ctx context.Context, batch []candidate) error {
	result := c.fetcher.fetch(ctx, batch)
	if len(result.damage) > 0 {
		return errors.ErrUnsupported
	}
	for i := range result.matches {
		if err := c.addMatch(&result.matches[i], nil); err != nil {
			return err
		}
	}
	return result.err
}
