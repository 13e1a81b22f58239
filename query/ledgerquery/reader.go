package ledgerquery

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// Reader finds the records of a ledger. It is safe for concurrent use, and holds no
// file open between calls of Find.
type Reader struct {
	source source
	index  index
}

var _ query.Reader = (*Reader)(nil)

// source supplies the entries of a ledger.
type source interface {
	Entries(ctx context.Context, from uint64) iter.Seq2[ledger.Entry, error]
}

// NewReader returns a Reader of the ledger in dir. The ledger may be open in another
// process, and the directory may be read-only. If there is no ledger in dir, the error
// matches fs.ErrNotExist.
// Of the options, ledger.WithGroupWritable matters to a reader.
//
// A ledger stores records in the order they were written, not in the order of their
// time. The first Find therefore reads the whole ledger, at some microseconds a record,
// and builds an index of time ranges in memory. Later calls read the entries added
// since and the blocks of 1,024 entries whose time range matches. The index takes about
// one byte for ten records, plus a bounded table of recent IDs; a call holds no more
// than a few thousand records at a time.
func NewReader(dir string, opts ...ledger.Option) (*Reader, error) {
	r, err := ledger.OpenReader(dir, opts...)
	if err != nil {
		return nil, fmt.Errorf("ledgerquery: %w", err)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("ledgerquery: %w", err)
	}
	return &Reader{source: directory{dir, opts}}, nil
}

// Find returns the records that match, as query.Reader describes. Every call first
// yields an *EntryError for each entry that holds no record and a
// *ledger.CorruptError for each damaged part of the ledger, at most 1,000 of them.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		s, err := newSearch(f)
		if err != nil {
			yield(nil, err)
			return
		}
		known, err := r.index.update(ctx, r.source)
		if err != nil {
			yield(nil, fmt.Errorf("ledgerquery: %w", err))
			return
		}
		for _, err := range known.damage {
			if !yield(nil, fmt.Errorf("ledgerquery: %w", err)) {
				return
			}
		}
		r.yieldPages(ctx, s, known, yield)
	}
}

// yieldPages yields the matches, page by page.
func (r *Reader) yieldPages(ctx context.Context, s *search, known snapshot, yield func(*record.Record, error) bool) {
	remaining := s.Limit
	if remaining == 0 {
		remaining = math.MaxInt
	}
	for remaining > 0 {
		p := page{search: s, size: min(maxPage, remaining)}
		if err := p.fill(ctx, r.source, known); err != nil {
			yield(nil, fmt.Errorf("ledgerquery: %w", err))
			return
		}
		for _, match := range p.records {
			if !yield(match, nil) {
				return
			}
		}
		if len(p.records) < p.size {
			return
		}
		remaining -= p.size
		last := positionOf(p.records[p.size-1])
		s.after = &last
	}
}

// directory is a source that opens the ledger only while it reads.
type directory struct {
	path    string
	options []ledger.Option
}

func (d directory) Entries(ctx context.Context, from uint64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		r, err := ledger.OpenReader(d.path, d.options...)
		if err != nil {
			yield(ledger.Entry{}, err)
			return
		}
		defer func() { _ = r.Close() }() // only read
		for e, err := range r.Entries(ctx, from) {
			if !yield(e, err) {
				return
			}
		}
	}
}
