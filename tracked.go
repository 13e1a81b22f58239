package audit

import (
	"context"
	"errors"
	"slices"

	"github.com/opendeed/audit/internal/pending"
	"github.com/opendeed/audit/internal/reads"
)

// trackedEvent is what a scope remembers of an event that was tracked in it.
type trackedEvent struct {
	kind                         Kind
	operation                    Operation
	outcome                      Outcome
	begins                       bool
	ends                         ID // the attempt whose outcome it is
	action, targetType, targetID string
}

func newTrackedEvent(e *Event) trackedEvent {
	t := trackedEvent{
		kind: e.Kind, operation: e.Operation, outcome: e.Outcome, begins: e.BeginsAttempt(),
		action: e.Action, targetType: e.Target.Type, targetID: e.Target.ID,
	}
	if !t.begins {
		t.ends = e.Attempt
	}
	return t
}

// event returns what is remembered as an event.
func (t *trackedEvent) event() Event {
	e := Event{
		Kind: t.kind, Action: t.action, Operation: t.operation, Outcome: t.outcome,
		Target: Target{Type: t.targetType, ID: t.targetID}, Attempt: t.ends,
	}
	if t.begins {
		e.ID = ID{1}
		e.Attempt = e.ID
	}
	return e
}

// Tracked reports whether match returns true for an intent that was recorded in the scope
// or in an inner one, or for a signal or a read that was recorded or is held there. It is for
// integrations that record what a unit of work left out.
//
// Of an event, match gets the kind, the action, the operation, the outcome, the type and
// ID of the target, and whether it begins an attempt or which one it ends; it must not call
// methods of the scope. The scope forgets the oldest of more than 5,000 events. Events that are still
// being tracked are unknown: see plumbing.Wait.
func (s *Scope) Tracked(match func(e *Event) bool) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.signals.Held() {
		if match(h.event) {
			return true
		}
	}
	if slices.ContainsFunc(s.reads, func(r *reads.Fold[Tracker]) bool { return matchesRead(r, match) }) {
		return true
	}
	return s.tracked.Contains(func(t trackedEvent) bool {
		e := t.event()
		return match(&e)
	})
}

// remember adds an event that was recorded to the scope and the outer ones.
func (s *Scope) remember(e *Event) {
	for t := newTrackedEvent(e); s != nil; s = s.parent {
		s.mu.Lock()
		s.tracked.Set(t, struct{}{})
		s.mu.Unlock()
	}
}

var errPending = errors.New("audit: events are still being tracked in the scope")

// wait implements plumbing.Wait.
func wait(ctx context.Context, s *Scope) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	timeout, none := s.timeout(), s.pending.None()
	s.mu.Unlock()
	if !pending.Wait(ctx, none, timeout) {
		return errPending
	}
	return nil
}
