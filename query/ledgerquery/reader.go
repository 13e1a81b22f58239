package ledgerquery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// Reader finds the records of a ledger. It is safe for concurrent use, and holds no
// file open between calls of Find.
type Reader struct {
	known  known
	counts countCache
}

var _ query.LineReader = (*Reader)(nil)

// NewReader returns a Reader of the ledger in dir. The ledger may be open in another
// process, and the directory may be read-only. If there is no ledger in dir, the error
// matches fs.ErrNotExist. Of the options, ledger.WithGroupWritable matters to a reader.
//
// Where a segment has an index ([NewIndexer]), Find reads it, and the entries that match.
// Other segments, and the newest entries, are read once, at less than a microsecond an entry,
// to learn the times of their records; a call then reads those whose times fit, and decodes
// what may match. What is remembered takes about two bytes an entry. Of indexes, up to 12 MiB
// stay in memory, and of counts about 8 MiB.
func NewReader(dir string, opts ...ledger.Option) (*Reader, error) {
	l, err := ledger.OpenReader(dir, opts...)
	if err != nil {
		return nil, fmt.Errorf("ledgerquery: %w", err)
	}
	if err := l.Close(); err != nil {
		return nil, fmt.Errorf("ledgerquery: %w", err)
	}
	return &Reader{known: known{ledger: l}}, nil
}

// Find returns the records that match, as query.Reader describes. It yields an *EntryError
// for each entry that holds no record and a *ledger.CorruptError for each damaged part of the
// ledger, at most 1,000 of them: first those that are known, and later those that it comes
// across. It yields none for what retention has removed. Entries that an index covers, and
// those that cannot match, are not read, so damage to them is not noticed; ledger.WithScrub
// finds it. A search for words reads all entries that neither their times nor the index rule out,
// and checks each frame of them, so it reports damage that may hide a match.
//
// If the ledger in the directory is another one than at the last call, such as an older
// copy that was restored, Find forgets what it knows.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		r.search(ctx, f, false, func(m *match, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield(m.record, nil)
		})
	}
}

// FindLines implements query.LineReader. Entries that are canonical JSON, as all are that the
// SDK writes, are copied. They are decoded only for filters of what a scan does not find: changes,
// metadata, resources, sessions, on whose behalf, stages and words.
func (r *Reader) FindLines(ctx context.Context, f query.Filter) iter.Seq2[query.Line, error] {
	return func(yield func(query.Line, error) bool) {
		r.search(ctx, f, true, func(m *match, err error) bool {
			if err != nil {
				return yield(query.Line{}, err)
			}
			return yield(m.Line, nil)
		})
	}
}

// Sequences returns the sequence numbers of the entries that hold a record as it is stored, which
// the indexes find by its ID. There may be several, or none if the entry is no canonical JSON.
// If there are none, and a part of the ledger that may have one cannot be read, the error says so.
// The seal of a ledger proves the entry with a sequence number.
func (r *Reader) Sequences(ctx context.Context, entry []byte) (seqs []uint64, err error) {
	var stored record.Record
	if err := stored.UnmarshalJSON(entry); err != nil {
		return nil, fmt.Errorf("ledgerquery: %w", err)
	}
	r.search(ctx, query.Filter{IDs: []audit.ID{stored.ID}}, true, func(m *match, failed error) bool {
		switch {
		case failed != nil:
			err = cmp.Or(err, failed)
		case m.JSON == string(entry):
			seqs = append(seqs, m.seq)
		}
		return true
	})
	if len(seqs) > 0 {
		err = nil // damage elsewhere does not matter
	}
	return seqs, err
}

// search yields the matches of a filter.
func (r *Reader) search(ctx context.Context, f query.Filter, lines bool, yield func(*match, error) bool) {
	s, err := newSearch(f, lines)
	if err != nil {
		yield(nil, err)
		return
	}
	if err := r.find(ctx, s, yield); err != nil && !errors.Is(err, errStopped) {
		yield(nil, fmt.Errorf("ledgerquery: %w", err))
	}
}

// find yields the matches. If an index turns out to be bad, it continues without it.
func (r *Reader) find(ctx context.Context, s *search, yield func(*match, error) bool) error {
	for again := false; ; again = true {
		snap, err := r.known.refresh(ctx, s.hasTerms())
		if err != nil {
			return err
		}
		for _, err := range snap.damage {
			if !again && !yield(nil, fmt.Errorf("ledgerquery: %w", err)) {
				return errors.Join(errStopped, snap.close())
			}
		}
		err = find(ctx, s, snap, snap.parts, yield)
		_ = snap.close() // only read
		bad, ok := errors.AsType[*badIndexError](err)
		if !ok {
			return err
		}
		r.known.reject(bad.part, bad.err)
	}
}
