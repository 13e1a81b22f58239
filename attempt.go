package audit

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Attempt is an action that was begun and not finished yet. Its methods may be called
// by several goroutines.
type Attempt struct {
	tracker Tracker
	begun   Event

	mu       sync.Mutex // held while Finish tracks
	end      ID         // of the record that ends it
	finished bool
}

// ErrFinished is what Finish returns for an attempt that was finished already.
var ErrFinished = errors.New("audit: the attempt was finished already; nothing more was recorded")

// Begin records that an action is about to be attempted, before a side effect that
// must not go unrecorded: a payment, a deletion, a message that cannot be called back.
// When it returns nil the record is as safe as the provider promises, and the caller
// goes on to the side effect, and then to Finish, whatever came of it.
//
// The event's outcome must be unknown. The record covers no signals; that of Finish
// does. Where the process stops in between, or is shut down, a provider with a ledger
// closes the attempt when it is started again: by a record of the system actor
// "audit-recovery" whose outcome is unknown and whose Attempt is this record's ID.
// Other deliveries leave it open. Begin and Finish cost a Track call each.
//
// An attempt that is never finished stays open while the process runs. A ledger keeps
// at most 10,000 of them, and Begin fails then.
//
//	attempt, err := audit.Begin(ctx, tracker, audit.Event{Action: "payout.send", Target: payout, Reason: reason})
//	if err != nil {
//		return err // nothing was paid out
//	}
//	err = bank.Send(ctx, payout)
//	return errors.Join(err, attempt.Finish(ctx, audit.Event{Outcome: outcomeOf(err)}))
func Begin(ctx context.Context, t Tracker, e Event) (*Attempt, error) {
	if e.Outcome != OutcomeUnknown {
		return nil, &ValidationError{Field: "outcome", Reason: "an event that begins an attempt has none yet"}
	}
	if e.ID.IsZero() {
		e.ID = NewID()
	}
	e.Attempt = e.ID
	if err := trackWith(ctx, t, e); err != nil {
		return nil, err
	}
	e.Actor, e.Bulk.Sample = e.Actor.Clone(), slices.Clone(e.Bulk.Sample) // the caller's
	return &Attempt{tracker: t, begun: e, end: NewID()}, nil
}

// BeginsAttempt reports whether the event begins an attempt, whose outcome another
// event records.
func (e *Event) BeginsAttempt() bool { return !e.Attempt.IsZero() && e.Attempt == e.ID }

// ID is the ID of the record that began the attempt, which is the Attempt of every
// record of it.
func (a *Attempt) ID() ID { return a.begun.ID }

// Finish records what came of the attempt. What e leaves empty of action, operation,
// actor, target, bulk, reason and tenant is that of the event that began it; Outcome is
// taken as it is, and so are Changes and Metadata. After an error it may be called again, with
// the same outcome: the record keeps its ID. A second call after a success is
// ErrFinished.
func (a *Attempt) Finish(ctx context.Context, e Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.finished {
		return ErrFinished
	}
	b := &a.begun
	fill(&e.ID, a.end)
	fill(&e.Action, b.Action)
	fill(&e.Operation, b.Operation)
	fill(&e.Target, b.Target)
	fill(&e.Reason, b.Reason)
	fill(&e.Tenant, b.Tenant)
	if e.Actor.IsZero() {
		e.Actor = b.Actor
	}
	if e.Bulk.IsZero() {
		e.Bulk = b.Bulk
	}
	e.Attempt = b.ID
	if err := a.tracker.Track(ctx, e); err != nil {
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
