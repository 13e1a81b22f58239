package query

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// Source is a named Reader of a [Union].
type Source struct {
	// Name is what errors call the source, such as the name of a host or a volume.
	Name   string
	Reader Reader
}

// SourceError is an error of one source of a [Union].
type SourceError struct {
	// Source is the name of the source.
	Source string
	// Err is its error.
	Err error
}

// Error returns the name of the source and its error.
func (e *SourceError) Error() string { return "query: source " + e.Source + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *SourceError) Unwrap() error { return e.Err }

// Union returns a Reader that asks several stores as one: the ledgers of replicas, a volume
// that a dead pod left behind, or a ledger and its archive.
//
// A record that several sources hold is returned once. Copies have the same ID and time,
// and come from one event (record.Record.IsRetryOf). Different records with one ID are all
// returned, and so are those of an event that was tracked again if the sources hold it with
// different times, since no page could tell that another one had it.
//
// Errors of a source are yielded as a *[SourceError], and the other sources continue. The
// Reader is safe for concurrent use if those of the sources are. Each Find reads its
// sources on the caller's goroutine, one after the other, and holds one record of each.
func Union(sources ...Source) Reader { return union(slices.Clone(sources)) }

type union []Source

// Find implements Reader.
func (u union) Find(ctx context.Context, f Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if err := f.Validate(); err != nil {
			yield(nil, err)
			return
		}
		m := merge{ctx: ctx, filter: f, yield: yield, remaining: f.Limit}
		if f.Limit == 0 {
			m.remaining = math.MaxInt
		}
		if f.After != "" {
			after, _ := ParseCursor(f.After) // validated
			m.after = &after
			f.After = before(after, f.Ascending).Cursor()
		}
		defer m.stop()
		for _, s := range u {
			m.heads = append(m.heads, newHead(ctx, s, f))
		}
		m.run()
	}
}

// before returns a position from which the records that share time and ID with p follow, in
// the order. A store with unique IDs ignores digests, so the sources must not decide which
// of these come after the cursor.
func before(p Position, ascending bool) Position {
	p.Digest = [8]byte{}
	if ascending {
		for i := range p.Digest {
			p.Digest[i] = math.MaxUint8
		}
		if p.ID.IsZero() {
			p.Time = p.Time.Add(-1)
		}
		for i := len(p.ID) - 1; i >= 0; i-- { // the ID before it
			if p.ID[i]--; p.ID[i] != math.MaxUint8 {
				break
			}
		}
		return p
	}
	for i := len(p.ID) - 1; i >= 0; i-- { // the ID after it
		if p.ID[i]++; p.ID[i] != 0 {
			return p
		}
	}
	p.Time = p.Time.Add(1)
	return p
}

// merge is one Find of a union.
type merge struct {
	ctx       context.Context
	filter    Filter
	yield     func(*record.Record, error) bool
	after     *Position
	remaining int
	heads     []*head
}

func (m *merge) stop() {
	for _, h := range m.heads {
		h.stop()
	}
}

// run yields the records in groups of one time and ID.
func (m *merge) run() {
	for m.remaining > 0 {
		first, ok := m.first()
		if !ok || first == nil {
			return
		}
		group, ok := m.group(first.Time, first.ID)
		if !ok {
			return
		}
		for _, r := range m.distinct(group) {
			if m.remaining == 0 || !m.yield(r, nil) {
				return
			}
			m.remaining--
		}
	}
}

// first returns the first of the next records of all sources, or nil if there are none. It
// reports false if the iteration must end.
func (m *merge) first() (first *record.Record, ok bool) {
	for _, h := range m.heads {
		if !m.load(h) {
			return nil, false
		}
		if h.record != nil && (first == nil || m.compare(h.record, first) < 0) {
			first = h.record
		}
	}
	return first, true
}

// group takes the records with the time and the ID from all sources.
func (m *merge) group(t time.Time, id audit.ID) (group []*record.Record, ok bool) {
	for _, h := range m.heads {
		for h.record != nil && h.record.ID == id && h.record.Time.Equal(t) {
			group = append(group, h.record)
			h.record = nil
			if !m.load(h) {
				return nil, false
			}
		}
	}
	return group, true
}

// load makes sure that a source has its next record, and yields its errors. It reports
// false if the iteration must end.
func (m *merge) load(h *head) bool {
	for h.record == nil && !h.ended {
		r, err, more := h.next()
		switch {
		case !more:
			h.ended = true
		case err == nil:
			h.record = r
		case m.ctx.Err() != nil:
			m.yield(nil, &SourceError{h.name, err})
			return false
		case !m.yield(nil, &SourceError{h.name, err}):
			return false
		}
	}
	return true
}

// compare compares by time and ID in the order of the filter.
func (m *merge) compare(a, b *record.Record) int {
	c := cmp.Or(a.Time.Compare(b.Time), bytes.Compare(a.ID[:], b.ID[:]))
	if !m.filter.Ascending {
		return -c
	}
	return c
}

// distinct returns the records of a group after the cursor, in order, each once. Of copies
// that differ in what the SDK assigns, the last counts: the page after it has none.
func (m *merge) distinct(group []*record.Record) []*record.Record {
	if len(group) == 1 && m.after == nil {
		return group
	}
	type place struct {
		record *record.Record
		Position
	}
	places := make([]place, len(group))
	for i, r := range group {
		places[i] = place{r, PositionOf(r)}
	}
	order := func(a, b Position) int {
		if c := a.Compare(b); m.filter.Ascending {
			return c
		}
		return b.Compare(a)
	}
	slices.SortStableFunc(places, func(a, b place) int { return order(a.Position, b.Position) })
	var distinct []*record.Record
	for i, p := range places {
		isCopy := func(later place) bool { return p.record.IsRetryOf(later.record) }
		if m.after != nil && order(p.Position, *m.after) <= 0 || slices.ContainsFunc(places[i+1:], isCopy) {
			continue
		}
		distinct = append(distinct, p.record)
	}
	return distinct
}

// head is the place in the records of one source.
type head struct {
	name   string
	record *record.Record // the next one, or nil
	ended  bool
	next   func() (*record.Record, error, bool)
	stop   func()
}

// pageMargin is how many more records than the limit a source is asked for, since some may
// be copies.
const pageMargin = 16

// newHead starts reading a source. If the filter has a limit, it reads page by page: copies
// do not count, so that more records may be needed.
func newHead(ctx context.Context, s Source, f Filter) *head {
	h := &head{name: s.Name}
	h.next, h.stop = iter.Pull2(func(yield func(*record.Record, error) bool) {
		if f.Limit > 0 {
			f.Limit += min(pageMargin, math.MaxInt-f.Limit)
		}
		for {
			n, last := 0, ""
			for r, err := range s.Reader.Find(ctx, f) {
				if !yield(r, err) {
					return
				}
				if err != nil {
					continue
				}
				if n++; n == f.Limit {
					last = CursorOf(r)
				}
			}
			if last == "" {
				return
			}
			f.After = last
		}
	})
	return h
}
