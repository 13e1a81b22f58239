package audit

import (
	"context"

	"github.com/opendeed/audit/internal/signal"
)

// Hold offers a signal to the scope. It is for SDKs.
//
// If the result is signal.Hold, the scope keeps e until End, fills in its actor if it has
// none, and calls release once. provider identifies the caller: an intent covers only
// signals of the provider that reported it to Accepted.
func (s *Scope) Hold(provider any, e *Event, release func(context.Context, signal.Disposition) error) signal.Disposition {
	d, _ := s.offer(heldSignal{provider: provider, event: e, release: release})
	return d
}

// offer reports false if there is no scope, or it has ended.
func (s *Scope) offer(h heldSignal) (d signal.Disposition, ok bool) {
	if s == nil {
		return signal.Record, false
	}
	s.mu.Lock()
	if s.state == scopeEnded {
		s.mu.Unlock()
		return signal.Record, false
	}
	d = s.signals.offer(h)
	s.mu.Unlock()
	if d == signal.RecordOverflow { // the outer scopes will not be offered it
		for ; s != nil; s = s.parent {
			s.mu.Lock()
			s.signals.tracked.add(newTrackedEvent(h.event))
			s.mu.Unlock()
		}
	}
	return d, true
}

// Accepted reports to the scope that the intent e was recorded, so that it covers the
// signals of this scope and of the outer ones, and Tracked reports it. It is for SDKs.
func (s *Scope) Accepted(provider any, e *Event) {
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		s.signals.accept(provider, e)
		s.mu.Unlock()
	}
}

// signals is what a scope knows of intents, and of the signals that wait for one. The
// scope's mutex guards it.
type signals struct {
	limit   int
	held    []heldSignal
	covers  recent[cover]
	tracked recent[trackedEvent] // except held signals
}

// heldSignal is a signal that waits for the end of its scope.
type heldSignal struct {
	provider any
	event    *Event
	release  func(context.Context, signal.Disposition) error
	covered  bool
}

// cover is what an intent covers: an operation on a target, or every operation on it.
type cover struct {
	provider     any
	targetType   string
	targetID     string
	operation    Operation
	anyOperation bool
}

// addCovers adds what the intent e covers: its target, and the sample of a bulk change.
// An intent covers nothing if it did not succeed, only begins an attempt, or does not
// name its object.
func (g *signals) addCovers(provider any, e *Event) {
	if e.Outcome == OutcomeFailure || e.Outcome == OutcomeDenied || e.Target.Type == "" || e.BeginsAttempt() {
		return
	}
	c := cover{provider: provider, targetType: e.Target.Type}
	if e.Operation == OperationUnspecified || e.Operation == OperationExecute {
		c.anyOperation = true
	} else {
		c.operation = e.Operation
	}
	if e.Target.ID != "" {
		c.targetID = e.Target.ID
		g.addCover(c)
	}
	for _, id := range e.Bulk.Sample {
		c.targetID = id
		g.addCover(c)
	}
}

func (g *signals) addCover(c cover) {
	g.covers.add(c)
	for i := range g.held {
		if h := &g.held[i]; !h.covered && c.covers(h) {
			h.covered = true
		}
	}
}

func (c cover) covers(h *heldSignal) bool {
	return c.targetID == h.event.Target.ID && c.targetType == h.event.Target.Type &&
		(c.anyOperation || c.operation == h.event.Operation) && c.provider == h.provider
}

func (g *signals) offer(h heldSignal) signal.Disposition {
	if g.isCovered(&h) {
		return signal.Drop
	}
	if len(g.held) >= g.limit {
		return signal.RecordOverflow
	}
	g.held = append(g.held, h)
	return signal.Hold
}

func (g *signals) isCovered(h *heldSignal) bool {
	c := cover{
		provider: h.provider, targetType: h.event.Target.Type, targetID: h.event.Target.ID,
		operation: h.event.Operation,
	}
	if g.covers.has(c) {
		return true
	}
	c.operation, c.anyOperation = OperationUnspecified, true
	return g.covers.has(c)
}

func (g *signals) accept(provider any, e *Event) {
	g.tracked.add(newTrackedEvent(e))
	if e.Kind == KindIntent {
		g.addCovers(provider, e)
	}
}

func (g *signals) take() []heldSignal {
	held := g.held
	g.held = nil
	return held
}

// settle releases the signal, or offers it to the outer scope, which may know a covering
// intent.
func (h *heldSignal) settle(ctx context.Context, outer *Scope) error {
	if h.covered {
		return h.release(ctx, signal.Drop)
	}
	for ; outer != nil; outer = outer.parent {
		d, ok := outer.offer(heldSignal{provider: h.provider, event: h.event, release: h.release})
		switch {
		case !ok: // it has ended; ask the next one
		case d == signal.Hold:
			return nil
		default:
			return h.release(ctx, d)
		}
	}
	return h.release(ctx, signal.Record)
}
