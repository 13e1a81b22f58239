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
	// letter by a newer one, or skipped it because it has no record, and if DropDeadLetters
	// has given it up.
	Replayed bool `json:"-"`
}

// DeadLetters returns the dead letters of each of the provider's ledgers, the oldest
// first. Replayed dead letters are included.
func (p *TrackerProvider) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for l := range p.ledgers() {
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
	for l := range p.ledgers() {
		if delivered, found, err := l.Replay(ctx, exporter); found {
			return delivered, err
		}
	}
	return 0, errNoFollower
}

// DropDeadLetters gives up an exporter's dead letters that were not replayed: none of them
// will be exported, and each counts as replayed from then on. If through is not zero, it
// ends before the first one of an entry after that sequence number. The records stay in the
// ledger until its retention removes them. It returns how many were given up.
//
// It first records an attempt of the actor in ctx, with the action
// semconv.ActionDeadLetterDrop, how many there are and the reason, which is required. If that
// fails, nothing is given up. Then it records the result.
func (p *TrackerProvider) DropDeadLetters(ctx context.Context, exporter string, through uint64, reason string) (dropped int, err error) {
	if !p.pipeline.gate.Enter() {
		return 0, audit.ErrShutdown
	}
	defer p.pipeline.gate.Leave()
	for l := range p.ledgers() {
		n, err := l.Drop(ctx, p.Tracker(instrumentationName), delivery.Giving{Exporter: exporter, Through: through, Reason: reason})
		if dropped += n; err != nil {
			return dropped, err
		}
	}
	return dropped, nil
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
