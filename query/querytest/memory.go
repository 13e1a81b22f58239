package querytest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// Reader is a store in memory, for tests of what uses a query.Reader. Every Find compares
// all records. It is safe for concurrent use.
type Reader struct {
	mu      sync.Mutex
	records []*record.Record
	byID    map[audit.ID][]*record.Record
}

var _ query.Reader = (*Reader)(nil)

// NewReader returns a store of the records.
func NewReader(records ...*record.Record) *Reader {
	m := &Reader{byID: map[audit.ID][]*record.Record{}}
	m.Append(records...)
	return m
}

// Append stores records. One that was tracked again is stored once.
func (m *Reader) Append(records ...*record.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if !slices.ContainsFunc(m.byID[r.ID], r.IsRetryOf) {
			m.byID[r.ID] = append(m.byID[r.ID], r)
			m.records = append(m.records, r)
		}
	}
}

// Find returns the records that match, as query.Reader describes.
func (m *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if err := f.Validate(); err != nil {
			yield(nil, err)
			return
		}
		m.mu.Lock()
		selected := selectFrom(m.records, f)
		m.mu.Unlock()
		for _, r := range selected {
			if err := ctx.Err(); err != nil {
				yield(nil, fmt.Errorf("querytest: %w", err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
