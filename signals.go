package audit

import (
	"context"
)

// Release says why a held signal is let go.
type Release uint8

const (
	// ReleaseUncovered means that no intent covered the signal: it is to be
	// recorded.
	ReleaseUncovered Release = iota
	// ReleaseCovered means that an intent covers it: it is not to be recorded.
	ReleaseCovered
	// ReleaseOverflow means that the outer scope holds as many signals as it may:
	// the signal is to be recorded, marked.
	ReleaseOverflow
)

// Hold says what became of a signal that was offered to a scope.
type Hold uint8

const (
	// HoldPass means that the signal is to be recorded at once: there is no scope,
	// or it has ended.
	HoldPass Hold = iota
	// HoldHeld means that the scope keeps the signal and calls release later.
	HoldHeld
	// HoldCovered means that an accepted intent covers the signal: it is not to be
	// recorded.
	HoldCovered
	// HoldOverflow means that the scope holds as many signals as it may: the signal
	// is to be recorded at once, marked.
	HoldOverflow
)

// Hold offers a signal to the scope, on behalf of an SDK. Where it is held,
// release is called once, by End; until then e stays with the scope, which
// fills in its actor if it has none.
//
// provider is compared with that of Accepted: an intent covers the signals of
// its own provider only.
func (s *Scope) Hold(provider any, e *Event, release func(context.Context, Release) error) Hold {
	if s == nil {
		return HoldPass
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == scopeEnded {
		return HoldPass
	}
	return s.signals.hold(heldSignal{provider: provider, event: e, release: release})
}

// Accepted tells the scope, on behalf of an SDK, that the intent e was recorded,
// so that it covers signals here and in the outer scopes, and Tracked knows of it.
func (s *Scope) Accepted(provider any, e *Event) {
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		s.signals.accept(provider, e)
		s.mu.Unlock()
	}
}

// Tracked reports whether an intent with the given action was recorded in the
// scope or an inner one. An empty action asks for any event at all: recorded, held,
// being tracked or expected.
func (s *Scope) Tracked(action string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signals.tracked(action) || action == "" && s.flights > 0
}

// signals is the book that a scope keeps of intents and of the signals that wait
// for one. The scope's mutex guards it.
type signals struct {
	limit    int
	held     []heldSignal
	covers   recent[cover]
	actions  recent[string]
	anything bool
}

// heldSignal is a signal that waits for the end of its scope.
type heldSignal struct {
	provider any
	event    *Event
	release  func(context.Context, Release) error
	covered  bool
}

// cover is what an intent covers: an operation on a target. The any field says
// that the operation does not matter.
type cover struct {
	provider   any
	targetType string
	targetID   string
	operation  Operation
	any        bool
}

// cover enters what the intent e covers: its target, and the sample of a bulk change.
// An intent that did not succeed, or that only begins an attempt, covers nothing, and
// neither does one that does not say which object it means.
func (g *signals) cover(provider any, e *Event) {
	if e.Outcome == OutcomeFailure || e.Outcome == OutcomeDenied || e.Target.Type == "" || e.BeginsAttempt() {
		return
	}
	c := cover{provider: provider, targetType: e.Target.Type}
	if e.Operation == OperationUnspecified || e.Operation == OperationExecute {
		c.any = true
	} else {
		c.operation = e.Operation
	}
	if e.Target.ID != "" {
		c.targetID = e.Target.ID
		g.coverOne(c)
	}
	for _, id := range e.Bulk.Sample {
		c.targetID = id
		g.coverOne(c)
	}
}

func (g *signals) coverOne(c cover) {
	g.covers.add(c)
	for i := range g.held {
		if h := &g.held[i]; !h.covered && c.covers(h) {
			h.covered = true
		}
	}
}

// covers reports whether c covers the signal.
func (c cover) covers(h *heldSignal) bool {
	return c.targetID == h.event.Target.ID && c.targetType == h.event.Target.Type &&
		(c.any || c.operation == h.event.Operation) && c.provider == h.provider
}

func (g *signals) hold(h heldSignal) Hold {
	if g.isCovered(&h) {
		g.anything = true
		return HoldCovered
	}
	if len(g.held) >= g.limit {
		return HoldOverflow
	}
	g.anything = true
	g.held = append(g.held, h)
	return HoldHeld
}

func (g *signals) isCovered(h *heldSignal) bool {
	c := cover{
		provider: h.provider, targetType: h.event.Target.Type, targetID: h.event.Target.ID,
		operation: h.event.Operation,
	}
	if g.covers.has(c) {
		return true
	}
	c.operation, c.any = OperationUnspecified, true
	return g.covers.has(c)
}

func (g *signals) accept(provider any, e *Event) {
	g.anything = true
	if e.Kind != KindIntent {
		return
	}
	g.actions.add(e.Action)
	g.cover(provider, e)
}

func (g *signals) tracked(action string) bool {
	if action == "" {
		return g.anything
	}
	return g.actions.has(action)
}

func (g *signals) take() []heldSignal {
	held := g.held
	g.held = nil
	return held
}

// settle lets the signal go: to the record, or to the outer scope, which may
// know of an intent.
func (h *heldSignal) settle(ctx context.Context, outer *Scope) error {
	if h.covered {
		return h.release(ctx, ReleaseCovered)
	}
	for ; outer != nil; outer = outer.parent {
		switch outer.Hold(h.provider, h.event, h.release) {
		case HoldHeld:
			return nil
		case HoldCovered:
			return h.release(ctx, ReleaseCovered)
		case HoldOverflow:
			return h.release(ctx, ReleaseOverflow)
		case HoldPass: // it has ended; ask the one around it
		}
	}
	return h.release(ctx, ReleaseUncovered)
}
