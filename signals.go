package audit

import (
	"context"
	"slices"

	"github.com/opendeed/audit/internal/signal"
)

// Hold offers a signal to the scope. It is for SDKs.
//
// If the result is signal.Hold, the scope keeps e until an intent covers it or the scope
// ends, fills in its actor if it has none, and calls release once. provider identifies the
// caller: an intent covers only signals of the provider that reported it to Accepted.
func (s *Scope) Hold(provider any, e *Event, release func(context.Context, signal.Disposition) error) signal.Disposition {
	d, _ := s.offer(newHeldSignal(provider, e, release))
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
		s.remember(h.event)
	}
	return d, true
}

// Accepted reports to the scope that the intent e was recorded. It covers signals of this
// scope, of the outer ones, and those that inner scopes pass to this one, and Tracked
// reports it. Accepted releases the held signals that it covers. It is for SDKs.
func (s *Scope) Accepted(ctx context.Context, provider any, e *Event) {
	var room [1]stake // enough for most intents
	stakes := appendStakes(room[:0], provider, e)
	for inner := false; s != nil; s, inner = s.parent, true {
		s.mu.Lock()
		covered := s.signals.accept(e, stakes, inner)
		s.mu.Unlock()
		for i := range covered {
			_ = covered[i].release(ctx, signal.Drop) // which records nothing
		}
	}
}

// signals is what a scope knows of intents, and of the signals that wait for one. The
// scope's mutex guards it.
type signals struct {
	limit   int
	held    []heldSignal
	covers  recent[cover, *claim]
	tracked recent[trackedEvent, struct{}] // except held signals
}

// heldSignal is a signal that waits for an intent that covers it, or the end of its scope.
type heldSignal struct {
	event   *Event
	release func(context.Context, signal.Disposition) error
	cover   cover // the one that covers it
	origin  origin
	passed  bool // an inner scope passed it on when it ended
}

func newHeldSignal(provider any, e *Event, release func(context.Context, signal.Disposition) error) heldSignal {
	return heldSignal{event: e, release: release, cover: newCover(provider, e, e.Target), origin: originOf(e)}
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

// isCovered reports whether an intent covers the signal: one of this scope or, unless the
// signal comes from an inner scope itself, of an inner one.
func (g *signals) isCovered(h *heldSignal) bool {
	return h.cover.namesObject() && (g.admit(h.cover, h) || h.cover.isWrite() && g.admit(h.cover.anyWrite(), h))
}

// admit looks for an intent that says how it ended and, if the signal does not say so
// either, for one that does not.
func (g *signals) admit(c cover, h *heldSignal) bool {
	if c.unknown {
		if g.admitFrom(c, h) {
			return true
		}
		c.unknown = false
	}
	return g.admitFrom(c, h)
}

// admitFrom looks for an intent of this scope and of the inner ones.
func (g *signals) admitFrom(c cover, h *heldSignal) bool {
	if claim, ok := g.covers.get(c); ok && claim.admits(h.origin) {
		return true
	}
	if h.passed {
		return false
	}
	c.inner = true
	claim, ok := g.covers.get(c)
	return ok && claim.admits(h.origin)
}

// accept adds what an intent covers, and removes and returns the held signals that it
// covers. inner reports whether it was recorded in an inner scope.
func (g *signals) accept(e *Event, stakes []stake, inner bool) (covered []heldSignal) {
	g.tracked.set(newTrackedEvent(e), struct{}{})
	if e.Kind != KindIntent || len(stakes) == 0 {
		return nil
	}
	for i := range stakes {
		g.addStake(&stakes[i], inner)
	}
	g.held = slices.DeleteFunc(g.held, func(h heldSignal) bool {
		if !g.isCovered(&h) {
			return false
		}
		covered = append(covered, h)
		return true
	})
	return covered
}

// addStake adds a cover, unless there is one already that can still apply to any origin.
func (g *signals) addStake(s *stake, inner bool) {
	s.inner = inner
	if earlier, ok := g.covers.get(s.cover); ok && !earlier.used() {
		return
	}
	if s.claim == nil {
		s.claim = new(claim)
	}
	g.covers.set(s.cover, s.claim)
}

func (g *signals) take() []heldSignal {
	held := g.held
	g.held = nil
	return held
}

// settle offers the signal to the outer scope, which may know a covering intent, or
// releases it.
func (h *heldSignal) settle(ctx context.Context, outer *Scope) error {
	passed := *h
	passed.passed = true
	for ; outer != nil; outer = outer.parent {
		d, ok := outer.offer(passed)
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
