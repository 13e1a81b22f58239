package source

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// overlap is how old a record may be that a store without an order of writing shows late.
const overlap = 10 * time.Minute

// Follower finds what is written to the stores of a set from some moment on.
type Follower struct{ parts []part }

// part follows one store.
type part interface {
	next(ctx context.Context) iter.Seq2[*record.Record, error]
	close() error
}

// Follow returns a Follower from now on. The caller closes it. It does not ask the archives of
// configurations: what they get was in a ledger or a collection before.
func (s *Set) Follow(ctx context.Context) (*Follower, error) {
	f := &Follower{}
	for _, store := range s.sources {
		if s.archive[store.Name] != nil {
			continue
		}
		p, err := s.part(ctx, store)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		f.parts = append(f.parts, p)
	}
	return f, nil
}

// Close closes files.
func (f *Follower) Close() error {
	var errs []error
	for _, p := range f.parts {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// Next yields the records that were written since it was called last.
func (f *Follower) Next(ctx context.Context) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for _, p := range f.parts {
			for r, err := range p.next(ctx) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

func (s *Set) part(ctx context.Context, store query.Source) (part, error) {
	dir, ok := s.ledgers[store.Name]
	if !ok {
		p := &askedPart{reader: store.Reader, seen: map[query.Position]bool{}}
		for _, err := range p.next(ctx) { // what is there already
			if err != nil {
				return nil, err
			}
		}
		return p, nil
	}
	reader, err := ledger.OpenReader(dir, s.options.ledger()...)
	if err != nil {
		return nil, err
	}
	stats, err := reader.Stats()
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return &ledgerPart{reader: reader, from: stats.Next}, nil
}

// ledgerPart reads what is appended to a ledger.
type ledgerPart struct {
	reader *ledger.Reader
	from   uint64
}

func (p *ledgerPart) close() error { return p.reader.Close() }

func (p *ledgerPart) next(ctx context.Context) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for e, err := range p.reader.Entries(ctx, p.from) {
			if corrupt, ok := errors.AsType[*ledger.CorruptError](err); ok {
				p.from = max(p.from, corrupt.Last+1)
			}
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			p.from = e.Seq + 1
			r := new(record.Record)
			if err := r.UnmarshalJSON(e.Data); err != nil {
				r, err = nil, fmt.Errorf("entry %d is not a record: %w", e.Seq, err)
				if !yield(r, err) {
					return
				}
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// askedPart asks a store for the newest records again and again.
type askedPart struct {
	reader query.Reader
	seen   map[query.Position]bool
}

func (*askedPart) close() error { return nil }

func (p *askedPart) next(ctx context.Context) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		since := time.Now().Add(-overlap)
		for at := range p.seen {
			if at.Time.Before(since) {
				delete(p.seen, at)
			}
		}
		for r, err := range p.reader.Find(ctx, query.Filter{Since: since, Ascending: true}) {
			if err == nil {
				at := query.PositionOf(r)
				if p.seen[at] {
					continue
				}
				p.seen[at] = true
			}
			if !yield(r, err) {
				return
			}
		}
	}
}
