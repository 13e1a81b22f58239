package retention

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/sdk/ledger"
)

// entries returns an iterator over the entries of a segment that can be read. It passes damage
// to a function. The data of an entry is valid until the next step.
func (w *ledgerWork) entries(ctx context.Context, s ledger.Segment, damage func(*ledger.CorruptError)) iter.Seq2[ledger.Entry, error] {
	next := s.Next
	if next == 0 {
		next = math.MaxUint64
	}
	return func(yield func(ledger.Entry, error) bool) {
		for f, err := range w.reader.Frames(ctx, s.First, next-1) {
			if err != nil {
				if corrupt, ok := errors.AsType[*ledger.CorruptError](err); ok {
					damage(corrupt)
					continue
				}
				yield(ledger.Entry{}, fmt.Errorf("retention: %w", err))
				return
			}
			for e := range f.All() {
				if e.Seq >= s.First && e.Seq < next && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// decideEntry returns the fate of an entry.
func (d *decider) decideEntry(e ledger.Entry) fate {
	r, err := archive.Entry{Data: e.Data}.Record()
	if err != nil {
		return garbage
	}
	return d.decide(r)
}

// archived returns an iterator over the entries of a segment that an archive of a class must
// have.
func (w *ledgerWork) archived(ctx context.Context, d *decider, s ledger.Segment, class string) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for e, err := range w.entries(ctx, s, func(*ledger.CorruptError) {}) { // which examine has counted
			if err != nil {
				yield(archive.Entry{}, err)
				return
			}
			if f := d.decideEntry(e); f.class != class || f.action != actionArchive {
				continue
			}
			if !yield(archive.Entry{Seq: e.Seq, Data: e.Data}, nil) {
				return
			}
		}
	}
}
