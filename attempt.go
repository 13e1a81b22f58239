package audit

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/opendeed/audit/internal/metadata"
)

// Attempt is an action that was begun and is not finished yet. Its methods may be called
// concurrently.
type Attempt struct {
	tracker Tracker
	begun   Event

	mu       sync.Mutex // held while Finish tracks
	end      ID         // of the record that finishes it
	finished bool
}

// ErrFinished is the error of finishing an attempt a second time.
var ErrFinished = errors.New("audit: the attempt was finished before; nothing more was recorded")

// Begin records that an action is about to be attempted, before a side effect that must
// not go unrecorded: a payment, a deletion, a message that cannot be recalled. After nil
// the record is as safe as the provider promises; the caller performs the side effect and
// then calls Finish, whatever the result.
//
// The event's outcome must be unknown. The record covers no signals; the record of Finish
// does. If the process stops in between, a provider with a ledger closes the attempt when
// it starts again, by a record of the system actor "audit-recovery" with an unknown
// outcome and this record's ID as its Attempt. Other deliveries leave it open. Begin and
// Finish cost one Track call each.
//
// An attempt that is never finished keeps one of a ledger's 10,000 slots for an hour, unless
// the provider is configured otherwise. If there is no slot, Begin fails.
//
// [Do] is the short form for one function.
//
//	attempt, err := audit.Begin(ctx, tracker, audit.Event{Action: "payout.send", Target: payout, Reason: reason})
//	if err != nil {
//		return err // nothing was paid out
//	}
//	err = bank.Send(ctx, payout)
//	return errors.Join(err, attempt.Finish(ctx, audit.Event{Outcome: outcomeOf(err)}))
func Begin(ctx context.Context, t Tracker, e Event) (*Attempt, error) {
	if e.Outcome != OutcomeUnknown {
		return nil, &ValidationError{Field: "outcome", Reason: "leave it out; the outcome of an attempt is that of Finish, or of the function of Do"}
	}
	if e.ID.IsZero() {
		e.ID = NewID()
	}
	e.Attempt = e.ID
	if err := trackWith(ctx, t, e); err != nil {
		return nil, err
	}
	// The caller may change them.
	e.Actor, e.Bulk.Sample, e.Metadata = e.Actor.Clone(), slices.Clone(e.Bulk.Sample), slices.Clone(e.Metadata)
	e.Covers = slices.Clone(e.Covers)
	return &Attempt{tracker: t, begun: e, end: NewID()}, nil
}

// BeginsAttempt reports whether the event begins an attempt, whose outcome another
// event records.
func (e *Event) BeginsAttempt() bool { return !e.Attempt.IsZero() && e.Attempt == e.ID }

// ID returns the ID of the record that began the attempt, which is the Attempt of each of
// its records.
func (a *Attempt) ID() ID { return a.begun.ID }

// Finish records the result of the attempt. It fills what e leaves empty of action,
// operation, actor, target, covers, bulk, reason and tenant from the event that began it,
// and adds the metadata of that event whose keys e does not have. It does not fill
// Outcome, Failure and Changes. After an error Finish may be called again with the same
// outcome: the record keeps its ID. After a success it returns ErrFinished.
func (a *Attempt) Finish(ctx context.Context, e Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.finished {
		return ErrFinished
	}
	begun := &a.begun
	fill(&e.ID, a.end)
	fill(&e.Action, begun.Action)
	fill(&e.Operation, begun.Operation)
	fill(&e.Target, begun.Target)
	fill(&e.Reason, begun.Reason)
	fill(&e.Tenant, begun.Tenant)
	if e.Actor.IsZero() {
		e.Actor = begun.Actor
	}
	if e.Bulk.IsZero() {
		e.Bulk = begun.Bulk
	}
	if len(e.Covers) == 0 {
		e.Covers = begun.Covers
	}
	e.Metadata = metadata.WithDefaults(e.Metadata, begun.Metadata)
	e.Attempt = begun.ID
	f := derive(ctx)
	f.finishing = begun.ID
	if err := a.tracker.Track(f, e); err != nil {
		return err
	}
	a.finished = true
	return nil
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
