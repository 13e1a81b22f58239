package ledgerquery

import (
	"context"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/record"
)

// isRepeated reports whether an earlier entry holds the record of a candidate, stored by an
// earlier attempt of the same Track. data is the entry of the candidate.
func (f *fetcher) isRepeated(ctx context.Context, c candidate, data []byte) (bool, error) {
	seq := c.part.first + uint64(c.place)
	sameID := c.part.repeats[c.place]
	from := max(f.snapshot.floor, seq-min(seq, index.Window))
	if len(sameID) == 0 && c.part.since <= from { // as it is, usually
		return false, nil
	}
	r := new(record.Record)
	if err := r.UnmarshalJSON(data); err != nil {
		return false, err
	}
	for _, earlier := range sameID {
		if repeated, err := f.isRetry(ctx, earlier, r); repeated || err != nil {
			return repeated, err
		}
	}
	if c.part.since <= from {
		return false, nil
	}
	id, err := r.ID.MarshalText()
	if err != nil {
		return false, err
	}
	key := f.hasher.Term(index.ID, id)
	for _, p := range f.snapshot.parts {
		if p.file == nil || p.next <= from || p.first >= c.part.since {
			continue
		}
		places, err := p.file.Places(f.snapshot.indexOf(p), key)
		if err != nil {
			return false, &badIndexError{p, err}
		}
		repeated := false
		places.Range(0, p.file.Len(), func(place int) {
			if earlier := p.first + uint64(place); earlier < seq && !repeated && err == nil {
				repeated, err = f.isRetry(ctx, earlier, r)
			}
		})
		if repeated || err != nil {
			return repeated, err
		}
	}
	return false, nil
}

// isRetry reports whether an entry can be read, and holds the record, or one of which it is
// a retry.
func (f *fetcher) isRetry(ctx context.Context, seq uint64, r *record.Record) (bool, error) {
	for e, err := range f.snapshot.ledger.Entries(ctx, seq) {
		if isLoss(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		var first record.Record
		return e.Seq == seq && first.UnmarshalJSON(e.Data) == nil && first.IsRetryOf(r), nil
	}
	return false, nil
}
