package sdk

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/internal/limit"
	"go.opentelemetry.io/otel/trace"
)

// tracker is the audit.Tracker of one instrumented package.
type tracker struct {
	embedded.Tracker

	pipeline        *pipeline
	instrumentation record.Instrumentation
}

// Track turns the event into a record and runs it through the pipeline.
func (t *tracker) Track(ctx context.Context, e audit.Event) error {
	err := t.track(ctx, &e)
	if err == nil {
		return nil
	}
	if !isRecorded(err) {
		t.pipeline.metrics.reject(ctx, err)
	}
	return err
}

// cleanError redacts the text of an error to which a processor may have added what it wanted,
// and hides the values of the event in it. The errors of exporters are clean already.
func (p *pipeline) cleanError(err error, e *audit.Event, resolved *plumbing.Resolved) error {
	if err == nil || !p.detach {
		return err
	}
	values := []*record.Record{{Event: *e}, {Event: audit.Event{Metadata: resolved.Metadata, Tenant: resolved.Tenant}}}
	return delivery.CleanError(err, func(text string) string { return delivery.HideValues(p.redact(text), values) })
}

func (t *tracker) track(ctx context.Context, e *audit.Event) error {
	p := t.pipeline
	if p.gate.closed() {
		return audit.ErrShutdown
	}
	found := e.Actor.IsZero()
	resolved, err := plumbing.Resolve(ctx, e, p.trackTimeout)
	defer resolved.Done()
	p.reportHung(ctx, resolved.Scope)
	if err != nil {
		return t.reject(ctx, e, &resolved, err)
	}
	if e.Kind == audit.KindSignal && resolved.Suppressed {
		p.metrics.suppress(ctx, suppressedByContext)
		return nil
	}
	switch {
	case !found:
		resolved.Marks = withoutActor(resolved.Marks)
	case e.Kind == audit.KindSignal && !isRecordable(&e.Actor):
		e.Actor = audit.Actor{} // it stays unresolved, like one that was not found
	}
	r := t.newRecord(ctx, e, &resolved)
	p.attempts.check(r, resolved.Finishing)
	attempt, owner := r.Attempt, ownerOf(r) // redaction may change r
	intent := r.Kind != audit.KindSignal    // a scope may hold a signal
	if p.detach {
		ctx = context.WithoutCancel(ctx)
	}
	id := r.ID
	err = p.cleanError(p.first(ctx, resolved.Scope, r), e, &resolved)
	if intent && (err == nil || isRecorded(err)) {
		p.attempts.stored(id, attempt, owner)
	}
	if err != nil {
		return t.reject(ctx, e, &resolved, err)
	}
	if intent {
		p.records.release(r)
	}
	return nil
}

// maxEventMarks is how many marks of an event are kept.
const maxEventMarks = 256

// newRecord is the resolve stage. It copies what the caller or the scope shares, and
// assigns what the event does not set.
func (t *tracker) newRecord(ctx context.Context, e *audit.Event, resolved *plumbing.Resolved) *record.Record {
	given := givenMetadata{event: e.Metadata, scope: resolved.Metadata}
	given.limit(t.pipeline.maxMetadata)
	r := t.pipeline.records.allocate(len(given.event) + len(given.scope))
	room := r.Metadata
	r.Event = *e
	metadata, overridden := given.merge(room, resolved.Overridden)
	r.Metadata, r.Overridden = metadata, slices.Clone(overridden) // may be the scope's, and redaction changes it
	r.Marks = resolved.Marks
	if len(r.Marks) > 0 && len(given.event) > 0 && len(overridden) > 0 {
		r.Marks = moveMarks(r.Marks, given.event)
	}
	for _, m := range given.marks {
		r.AddMark(m)
	}
	for _, m := range t.pipeline.marks {
		r.AddMark(m)
	}
	for _, m := range e.Marks[:min(len(e.Marks), maxEventMarks)] {
		r.AddMark(m)
	}

	now := time.Now()
	r.ObservedTime = now.UTC().Round(0)
	if r.Time.IsZero() {
		r.Time = r.ObservedTime
	} else {
		r.Time = r.Time.UTC().Round(0)
	}
	if r.ID.IsZero() {
		r.ID = uuid.At(now)
	}
	r.Action = record.NormalizeAction(r.Action)
	ownActor(&r.Actor)
	r.Covers = cloneFirst(r, "covers", r.Covers, limit.MaxChanges)
	r.Changes = cloneFirst(r, "changes", r.Changes, limit.MaxChanges)
	r.Bulk.Sample = cloneFirst(r, "bulk.sample", r.Bulk.Sample, record.MaxSample)
	if r.Tenant == "" {
		r.Tenant = resolved.Tenant
	}
	r.Channel = resolved.Channel
	r.Tracker = t.instrumentation
	r.Resource = t.pipeline.resource
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.TraceID, r.SpanID = span.TraceID(), span.SpanID()
	}
	return r
}

// cloneFirst returns a copy of the first n elements of a list, and marks the record if there
// are more. Lists of the event may be of any length, so that only what can be recorded is
// copied.
func cloneFirst[T any](r *record.Record, path string, list []T, n int) []T {
	if dropped := len(list) - n; dropped > 0 {
		list = list[:n]
		r.AddMark(mark.Mark{Path: path, Kind: mark.Dropped, Count: int64(dropped)})
	}
	return slices.Clone(list)
}

// reportHung logs and counts the actor functions of the scope, and of the outer ones, that
// did not return in time: each call once, however many events wait for it.
func (p *pipeline) reportHung(ctx context.Context, scope *audit.Scope) {
	n := plumbing.TakeHung(scope)
	if n == 0 {
		return
	}
	p.metrics.hungResolvers.Add(ctx, n)
	p.logger.LogAttrs(ctx, slog.LevelError, "audit: an actor function hangs: it did not return within the track timeout",
		slog.Duration("timeout", p.trackTimeout), slog.Int64("calls", n))
}
