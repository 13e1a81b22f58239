package sdk

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/ledger"
)

// DeadLetter describes what an exporter did not get from a ledger: a record that it
// rejected permanently, an entry that is not a record, or entries that the ledger cannot
// read any more.
type DeadLetter struct {
	// Exporter is the name of the exporter.
	Exporter string `json:"exporter"`
	// Seq is the entry's sequence number in the ledger. If entries could not be read,
	// Through is the sequence number of the last one; otherwise it is 0.
	Seq     uint64 `json:"seq"`
	Through uint64 `json:"through,omitempty"`
	// Reason is the text of the error, redacted and cut to 1024 bytes.
	Reason string `json:"reason"`
	// Attempts is how often the exporter got the record.
	Attempts int `json:"attempts,omitempty"`
	// Time is when the dead letter was stored.
	Time time.Time `json:"time"`
	// Record is the rejected record, or nil.
	Record *record.Record `json:"record,omitempty"`
	// Raw is the entry that is not a record, or nil.
	Raw []byte `json:"raw,omitempty"`
	// Replayed is true if ReplayDeadLetters has delivered the record, replaced the dead
	// letter by a newer one, or skipped it because it has no record.
	Replayed bool `json:"-"`
}

// DeadLetters returns the dead letters of each of the provider's ledgers, the oldest
// first. Replayed dead letters are included.
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

var errNoFollower = errors.New("sdk: no ledger of the provider has an exporter with that name")

// ReplayDeadLetters exports the records of an exporter's dead letters that were not
// replayed yet, one at a time, and returns how many it delivered. A record that is
// rejected permanently again becomes a new dead letter. After any other error it stops,
// and the next call continues there. It skips dead letters without a record.
func (p *TrackerProvider) ReplayDeadLetters(ctx context.Context, exporter string) (delivered int, err error) {
	if !p.pipeline.gate.Enter() {
		return 0, audit.ErrShutdown
	}
	defer p.pipeline.gate.Leave()
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

// ReadDeadLetters returns the dead letters of the ledger in dir, the oldest first, without a
// provider: the process that has the ledger open may run. Replayed ones are included.
func ReadDeadLetters(ctx context.Context, dir string, opts ...ledger.Option) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for letter, err := range delivery.ReadDeadLetters(ctx, dir, opts...) {
			if !yield(DeadLetter(letter), err) {
				return
			}
		}
	}
}

// DropDeadLetters gives up an exporter's dead letters that were not replayed: none of them
// will be exported, and each counts as replayed from then on. If through is not zero, it
// ends before the first one of an entry after that sequence number. The records stay in the
// ledger until its retention removes them. It returns how many were given up.
//
// No provider may have the ledger open; otherwise the error matches ledger.ErrLocked.
func DropDeadLetters(ctx context.Context, dir, exporter string, through uint64, opts ...ledger.Option) (dropped int, err error) {
	return delivery.DropDeadLetters(ctx, dir, exporter, through, opts...)
}
