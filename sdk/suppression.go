package sdk

import (
	"context"
	"slices"

	"github.com/opendeed/audit"
)

// Suppressor keeps signals from being recorded beside the intents that cover
// them. It hands signals to the scope, which holds them until it ends, and tells
// the scope of intents that were recorded. A TrackerProvider has one by itself,
// between validation and redaction.
type Suppressor struct {
	validator *Validator // of actors that are known only when the scope ends
	metrics   *metrics   // nil outside a provider
}

// NewSuppressor returns a Suppressor. An intent covers only signals that the same
// Suppressor sees. v checks actors that are known only when a scope ends.
func NewSuppressor(v *Validator) *Suppressor {
	return &Suppressor{validator: v}
}

var _ Processor = (*Suppressor)(nil)

// signalOverflow marks a signal that passed because its scope held as many as it
// may.
const signalOverflow = "signal.overflow"

// Process passes intents on, and signals where no scope holds them.
func (s *Suppressor) Process(ctx context.Context, r *Record, next Next) error {
	if r.Kind == audit.KindSignal {
		return s.signal(ctx, r, next)
	}
	// Redaction comes next and may change what tells that a signal is covered.
	stated := audit.Event{
		ID: r.ID, Attempt: r.Attempt, Kind: r.Kind, Action: r.Action, Operation: r.Operation, Target: r.Target, Outcome: r.Outcome,
		Bulk: audit.Bulk{Sample: slices.Clone(r.Bulk.Sample)},
	}
	scope := scopeOf(ctx, r)
	if err := next(ctx, r); err != nil {
		return err
	}
	scope.Accepted(s, &stated)
	return nil
}

func (s *Suppressor) signal(ctx context.Context, r *Record, next Next) error {
	unknown := r.Actor.IsZero()
	scope := scopeOf(ctx, r)
	if scope == nil {
		return s.pass(ctx, r, unknown, next)
	}
	release := func(ctx context.Context, how audit.Release) error {
		switch how {
		case audit.ReleaseCovered:
			s.metrics.suppress(ctx, suppressedByIntent)
			return nil
		case audit.ReleaseOverflow:
			r.mark(signalOverflow)
		case audit.ReleaseUncovered:
		}
		err := s.pass(ctx, r, unknown, next)
		if err != nil {
			s.metrics.reject(ctx, err)
		}
		return err
	}
	switch scope.Hold(s, &r.Event, release) {
	case audit.HoldHeld:
		return nil
	case audit.HoldCovered:
		s.metrics.suppress(ctx, suppressedByIntent)
		return nil
	case audit.HoldOverflow:
		r.mark(signalOverflow)
	case audit.HoldPass:
	}
	return s.pass(ctx, r, unknown, next)
}

// scopeOf returns the scope of the Track call, which a processor may have hidden
// by passing on another context.
func scopeOf(ctx context.Context, r *Record) *audit.Scope {
	if r.scope != nil {
		return r.scope
	}
	return audit.ScopeFromContext(ctx)
}

// pass sends a signal on. One whose actor was unknown has the one that the scope
// found in the meantime, as the application stated it, or is unresolved.
func (s *Suppressor) pass(ctx context.Context, r *Record, unknown bool, next Next) error {
	switch {
	case r.Actor.IsZero():
		r.Actor.Type = audit.ActorUnresolved
	case unknown:
		ownActor(&r.Actor)
		if err := s.validator.checkActor(r); err != nil {
			return err
		}
	}
	return next(ctx, r)
}
