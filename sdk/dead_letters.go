package sdk

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// DeadLetter is what an exporter did not get from a ledger: a record that it rejected
// permanently, an entry that is not a record, or entries that the ledger cannot read any
// more.
type DeadLetter struct {
	// Exporter is the name of the exporter.
	Exporter string
	// Seq is the entry's sequence number in the ledger. Through is that of the last
	// entry, if several could not be read.
	Seq     uint64
	Through uint64
	// Reason is the error, without what looks like a secret.
	Reason string
	// Attempts is how often the record was exported.
	Attempts int
	// Time is when the record was given up.
	Time time.Time
	// Record is the rejected record, or nil.
	Record *record.Record
	// Raw is an entry that is not a record.
	Raw []byte
	// Replayed reports whether ReplayDeadLetters has delivered it or has replaced it with
	// a newer one.
	Replayed bool
}

// DeadLetters returns what the exporters of the provider's ledgers rejected permanently,
// from the oldest, including what was replayed since.
func (p *TrackerProvider) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for _, d := range p.deliveries {
			l, ok := d.(*delivery.Ledger)
			if !ok {
				continue
			}
			for letter, err := range l.DeadLetters(ctx) {
				if !yield(DeadLetter(letter), err) {
					return
				}
			}
		}
	}
}

var errNoFollower = errors.New("sdk: no ledger of the provider has an exporter of that name")

// ReplayDeadLetters exports the dead letters of an exporter that were not replayed yet,
// one after the other, and returns how many it delivered. One that is rejected again
// becomes a new dead letter. At any other error it stops, and the next call continues
// there. It skips dead letters without a record.
func (p *TrackerProvider) ReplayDeadLetters(ctx context.Context, exporter string) (delivered int, err error) {
	if !p.gate.enter() {
		return 0, audit.ErrShutdown
	}
	defer p.gate.leave()
	for _, d := range p.deliveries {
		l, ok := d.(*delivery.Ledger)
		if !ok {
			continue
		}
		if delivered, found, err := l.Replay(ctx, exporter); found {
			return delivered, err
		}
	}
	return 0, errNoFollower
}
