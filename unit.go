package audit

import (
	"context"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/covering"
	"github.com/opendeed/audit/internal/signal"
)

// What a scope does for a unit of work (package unit): the scopes in a unit know it, and what
// the unit holds is reported to the scopes around it once it is true.

// withUnit implements bridge.Functions.WithUnit.
func withUnit(unit any) ScopeOption {
	return func(o *scopeOptions) { o.unit = unit }
}

// unitOf implements bridge.Functions.UnitOf.
func unitOf(s *Scope) any {
	if s == nil {
		return nil
	}
	return s.unit
}

// acceptedInUnit implements bridge.Functions.AcceptedInUnit.
func acceptedInUnit(ctx context.Context, s *Scope, provider any, e Event) bridge.Outward[Event] {
	a := &acceptance{stakes: appendStakes(nil, provider, &e), tracked: newTrackedEvent(&e)}
	return a.within(ctx, s, provider)
}

// acceptance is an intent that is reported to one scope after another, from the inside out.
type acceptance struct {
	stakes  []covering.Stake
	tracked trackedEvent
	inner   bool // the next scope is not the first
}

// within reports the intent to s and the scopes around it that are in the same unit.
func (a *acceptance) within(ctx context.Context, s *Scope, provider any) bridge.Outward[Event] {
	for unit := unitOf(s); s != nil && s.unit == unit; s = s.parent {
		s.accept(ctx, a.stakes, a.tracked, a.inner)
		a.inner = true
	}
	if s == nil {
		return nil
	}
	return func(ctx context.Context, as *Event) bridge.Outward[Event] {
		if as != nil {
			a.stakes, a.tracked = appendStakes(nil, provider, as), newTrackedEvent(as)
		}
		return a.within(ctx, s, provider)
	}
}

// endUnit implements bridge.Functions.EndUnit.
func endUnit(ctx context.Context, s *Scope, d signal.Disposition) error {
	s.endOnce.Do(func() {
		s.endErr = s.end(ctx, func(ctx context.Context, held covering.Signal[heldSignal]) error {
			return held.Value.release(ctx, d)
		})
	})
	return s.endErr
}
