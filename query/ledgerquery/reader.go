package ledgerquery

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// Reader finds the records of a ledger. It is safe for concurrent use, and holds no
// file open between calls of Find.
type Reader struct {
	dir     string
	options []ledger.Option
	index   index
}

var _ query.Reader = (*Reader)(nil)

// NewReader returns a Reader of the ledger in dir. The ledger may be open in another
// process, and the directory may be read-only. If there is no ledger in dir, the error
// matches fs.ErrNotExist. Of the options, ledger.WithGroupWritable matters to a reader.
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
	return &Reader{dir: dir, options: opts}, nil
}

// Find returns the records that match, as query.Reader describes. Every call first
// yields an *EntryError for each entry that holds no record and a
// *ledger.CorruptError for each damaged part of the ledger, at most 1,000 of them. It
// yields none for what retention has removed.
//
// If the ledger in the directory is another one than at the last call, such as an older
// copy that was restored, Find builds the index again.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		s, err := newSearch(f)
		if err != nil {
			yield(nil, err)
			return
		}
		l, err := ledger.OpenReader(r.dir, r.options...)
		if err != nil {
			yield(nil, fmt.Errorf("ledgerquery: %w", err))
			return
		}
		defer func() { _ = l.Close() }() // only read
		known, err := r.index.update(ctx, l)
		if err != nil {
			yield(nil, fmt.Errorf("ledgerquery: %w", err))
			return
		}
		for _, err := range slices.Concat(known.damage, known.tail) {
			if !yield(nil, fmt.Errorf("ledgerquery: %w", err)) {
				return
			}
		}
		yieldPages(ctx, l, s, known, yield)
	}
}

// yieldPages yields the matches, page by page.
func yieldPages(ctx context.Context, l *ledger.Reader, s *search, known snapshot, yield func(*record.Record, error) bool) {
	remaining := s.Limit
	if remaining == 0 {
		remaining = math.MaxInt
	}
	for remaining > 0 {
		p := page{search: s, size: min(maxPage, remaining)}
		if err := p.fill(ctx, l, known); err != nil {
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
		last := query.PositionOf(p.records[p.size-1])
		s.after = &last
	}
}
