package audit

import (
	"context"

	"github.com/opendeed/audit/internal/covering"
	"github.com/opendeed/audit/internal/signal"
)

// heldSignal is what a scope keeps of a signal until an intent covers it, or the scope
// ends.
type heldSignal struct {
	event   *Event
	release func(context.Context, signal.Disposition) error
	// unresolved says that the actor is not that of an outer scope: the scope that the signal
	// comes from has functions that find it, and they have not.
	unresolved bool
}

// hold implements bridge.Functions.Hold.
func hold(s *Scope, provider any, e *Event, release func(context.Context, signal.Disposition) error) signal.Disposition {
	h := covering.Signal[heldSignal]{
		Value: heldSignal{event: e, release: release}, Cover: newCover(provider, e, e.Target), Origin: originOf(e),
	}
	if e.Operation == OperationRead && e.Target.ID == "" && len(e.Bulk.Sample) > 0 {
		cover := h.Cover
		h.Strip = func(covered func(covering.Cover) bool) bool {
			return stripRead(e, func(id string) bool {
				cover.TargetID = id
				return covered(cover)
			})
		}
	}
	d, _ := s.offer(h)
	return d
}

// offer reports false if there is no scope, or it has ended.
func (s *Scope) offer(h covering.Signal[heldSignal]) (d signal.Disposition, ok bool) {
	if s == nil {
		return signal.Record, false
	}
	s.mu.Lock()
	if s.state == scopeEnded {
		s.mu.Unlock()
		return signal.Record, false
	}
	d = s.signals.Offer(h)
	s.mu.Unlock()
	if d == signal.RecordOverflow { // the outer scopes will not be offered it
		s.remember(h.Value.event)
	}
	return d, true
}

// accepted implements bridge.Functions.Accepted.
func accepted(ctx context.Context, s *Scope, provider any, e Event) {
	var room [1]covering.Stake // enough for most intents
	stakes := appendStakes(room[:0], provider, &e)
	tracked := newTrackedEvent(&e)
	for inner := false; s != nil; s, inner = s.parent, true {
		s.accept(ctx, stakes, tracked, inner)
	}
}

// accept adds an intent that was recorded in the scope, or in an inner one.
func (s *Scope) accept(ctx context.Context, stakes []covering.Stake, tracked trackedEvent, inner bool) {
	s.mu.Lock()
	s.tracked.Set(tracked, struct{}{})
	covered := s.signals.Accept(stakes, inner)
	s.mu.Unlock()
	for i := range covered {
		_ = covered[i].Value.release(ctx, signal.Drop) // which records nothing
	}
}

// settle offers the signal to the outer scope, which may know a covering intent, or
// releases it.
func settle(ctx context.Context, held covering.Signal[heldSignal], outer *Scope) error {
	held.Passed = true
	for ; outer != nil; outer = outer.parent {
		d, ok := outer.offer(held)
		switch {
		case !ok: // it has ended; ask the next one
			outer.mu.Lock()
			held.Value.unresolved = held.Value.unresolved || outer.who.Decides()
			outer.mu.Unlock()
		case d == signal.Hold:
			return nil
		default:
			return held.Value.release(ctx, d)
		}
	}
	return held.Value.release(ctx, signal.Record)
}
