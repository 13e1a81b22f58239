package sdk

import (
	"context"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/held"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/records"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// suppressor prevents signals from being recorded in addition to the intents that cover
// them. It offers signals to the scope, which holds them until it ends, and reports
// recorded intents to the scope.
type suppressor struct {
	provider   *TrackerProvider
	validator  *validator // checks actors that become known when the scope ends
	metrics    *metrics
	reportHung func(context.Context, *audit.Scope)
	next       stage
}

// process forwards intents, and signals that no scope holds.
func (s *suppressor) process(ctx context.Context, scope *audit.Scope, r *record.Record) error {
	if scope == nil {
		scope = audit.ScopeFromContext(ctx) // a processor may have opened one
	}
	if r.Kind == audit.KindSignal {
		return s.signal(ctx, scope, r)
	}
	// The original decides whether a signal is covered. Redaction may change r.
	original := audit.Event{
		ID: r.ID, Attempt: r.Attempt, Kind: r.Kind, Action: r.Action, Operation: r.Operation, Target: r.Target, Outcome: r.Outcome,
		Covers: slices.Clone(r.Covers), Tenant: r.Tenant, Bulk: audit.Bulk{Sample: slices.Clone(r.Bulk.Sample)}, Metadata: namespaceOf(r.Metadata),
	}
	if u := unitOf(scope); u != nil {
		if dependsOnUnit(r) && !held.IsOutside(ctx) {
			return s.holdIntent(ctx, u, scope, r, original)
		}
		ctx = u.Context // true whatever the unit does: no part of its transaction
	}
	if err := s.next(ctx, scope, r); err != nil {
		return err
	}
	inside.Audit.Accepted(ctx, scope, s, original)
	return nil
}

// namespaceOf returns the metadata that decide what an intent covers.
func namespaceOf(kvs []attribute.KeyValue) []attribute.KeyValue {
	for _, kv := range kvs {
		if kv.Key == semconv.TargetNamespaceKey {
			return []attribute.KeyValue{kv}
		}
	}
	return nil
}

// signal offers a signal to the scope, or forwards it if scope is nil.
func (s *suppressor) signal(ctx context.Context, scope *audit.Scope, r *record.Record) error {
	unknown := r.Actor.IsZero()
	if scope == nil {
		return s.pass(ctx, nil, r, unknown)
	}
	settle := func(ctx context.Context, d signal.Disposition) error {
		switch d {
		case signal.Hold:
			return nil
		case signal.Drop:
			s.metrics.suppress(ctx, suppressedByIntent)
			return nil
		case signal.Discard:
			if !isRead(r) && unitOf(scope).IsOpen() { // a unit inside may have committed
				s.metrics.suppress(ctx, suppressedByRerun)
				return nil
			}
		case signal.RecordOverflow:
			r.AddMark(mark.Mark{Kind: mark.SignalOverflow})
		case signal.Record:
		}
		return s.pass(ctx, scope, r, unknown)
	}
	return settle(ctx, inside.Audit.Hold(scope, s, &r.Event, func(ctx context.Context, d signal.Disposition) error {
		s.reportHung(ctx, scope) // the scope's end may have asked for the actor
		err := settle(ctx, d)
		if err != nil {
			s.metrics.reject(ctx, err)
		}
		return err
	}))
}

// pass forwards a signal. An actor that was unknown is now the actor that the scope has
// found. If it has found none, or none that a record can have, the actor is unresolved. In a
// unit of work the signal is held.
func (s *suppressor) pass(ctx context.Context, scope *audit.Scope, r *record.Record, unknown bool) error {
	if unknown {
		records.OwnActor(&r.Actor)
		if !isRecordable(&r.Actor) {
			r.Actor = audit.Actor{Type: audit.ActorUnresolved}
		}
		s.validator.read(r)
	}
	if u := unitOf(scope); u != nil && dependsOnUnit(r) {
		return s.holdSignal(ctx, u, r)
	}
	return s.next(ctx, nil, r)
}
