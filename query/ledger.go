package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// Ledger returns a Reader of the ledger in dir, beside its writer or after it. The
// directory may be read-only.
//
// A ledger is in the order in which records were stored. Its first Find therefore
// reads all of it once, some microseconds a record, and remembers which times are
// where; later ones read what was added, and the stretches of 1,024 records that have
// the times that are wanted. It keeps about one byte for ten records, and no more than
// some thousands of records at a time.
func Ledger(dir string) (Reader, error) {
	r, err := ledger.OpenReader(dir)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return &ledgerReader{source: directory(dir)}, r.Close()
}

// directory is a source that is open only while it is read.
type directory string

func (d directory) Entries(ctx context.Context, from uint64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		r, err := ledger.OpenReader(string(d))
		if err != nil {
			yield(ledger.Entry{}, err)
			return
		}
		defer func() { _ = r.Close() }() // was only read
		for e, err := range r.Entries(ctx, from) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// source is what a ledgerReader reads.
type source interface {
	Entries(ctx context.Context, from uint64) iter.Seq2[ledger.Entry, error]
}

type ledgerReader struct {
	source source
	index  index
}

// maxPage is how many records are kept in memory to be put in order.
const maxPage = 4096

func (l *ledgerReader) Find(ctx context.Context, f Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		s, err := newSearch(f)
		if err != nil {
			yield(nil, err)
			return
		}
		known, err := l.index.extend(ctx, l.source)
		if err != nil {
			yield(nil, fmt.Errorf("query: %w", err))
			return
		}
		for _, err := range known.damage {
			if !yield(nil, fmt.Errorf("query: %w", err)) {
				return
			}
		}
		l.yieldPages(ctx, s, known, yield)
	}
}

// yieldPages yields the matches, page by page.
func (l *ledgerReader) yieldPages(ctx context.Context, s *search, known snapshot, yield func(*record.Record, error) bool) {
	left := s.Limit
	if left == 0 {
		left = math.MaxInt
	}
	for left > 0 {
		p := page{search: s, size: min(maxPage, left)}
		if err := p.fill(ctx, l.source, known); err != nil {
			yield(nil, fmt.Errorf("query: %w", err))
			return
		}
		for _, r := range p.records {
			if !yield(r, nil) {
				return
			}
		}
		if len(p.records) < p.size {
			return
		}
		left -= p.size
		last := placeOf(p.records[p.size-1])
		s.after = &last
	}
}

// page gathers the first matches behind search.after.
type page struct {
	search  *search
	size    int
	records []*record.Record
}

func (p *page) fill(ctx context.Context, src source, known snapshot) error {
	for _, st := range known.wanted(p.search) {
		if len(p.records) >= p.size {
			p.trim()
			if st.isBehind(p.search, placeOf(p.records[p.size-1])) {
				break // all that follow are, too
			}
		}
		if err := p.read(ctx, src, st, known.hidden); err != nil {
			return err
		}
	}
	p.trim()
	return nil
}

// read takes the matches of a stretch. What cannot be read was reported when the index
// was made.
func (p *page) read(ctx context.Context, src source, st stretch, hidden map[uint64]bool) error {
	for e, err := range src.Entries(ctx, st.first) {
		switch {
		case isDamage(err):
			continue
		case err != nil:
			return err
		case e.Seq > st.last:
			return nil
		case hidden[e.Seq] || !p.search.mayMatch(e.Data):
			continue
		}
		if r := new(record.Record); r.UnmarshalJSON(e.Data) == nil && p.search.Matches(r) {
			p.add(r)
		}
	}
	return nil
}

func (p *page) add(r *record.Record) {
	if p.search.after != nil && !p.search.precedes(*p.search.after, placeOf(r)) {
		return
	}
	p.records = append(p.records, r)
	if len(p.records) >= 2*p.size {
		p.trim()
	}
}

// trim keeps the first records, in order.
func (p *page) trim() {
	slices.SortStableFunc(p.records, func(a, b *record.Record) int {
		c := placeOf(a).compare(placeOf(b))
		if !p.search.Ascending {
			c = -c
		}
		return c
	})
	p.records = p.records[:min(p.size, len(p.records))]
}

// wanted returns the stretches that may have matches, those first that may have the
// first ones.
func (k snapshot) wanted(s *search) []stretch {
	var wanted []stretch
	for _, st := range k.stretches {
		if st.mayMatch(s) {
			wanted = append(wanted, st)
		}
	}
	slices.SortFunc(wanted, func(a, b stretch) int {
		if s.Ascending {
			return cmp.Or(a.oldest.Compare(b.oldest), cmp.Compare(a.first, b.first))
		}
		return cmp.Or(b.newest.Compare(a.newest), cmp.Compare(a.first, b.first))
	})
	return wanted
}
