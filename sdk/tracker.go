package sdk

import (
	"context"
	"log/slog"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/internal/recordpool"
	"github.com/opendeed/audit/sdk/internal/records"
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
	if p.gate.Closed() {
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
	r := p.records.Make(ctx, e, &resolved, t.instrumentation)
	p.attempts.Check(r, resolved.Finishing)
	attempt, owner := r.Attempt, records.OwnerOf(r) // redaction may change r
	intent := r.Kind != audit.KindSignal            // a scope may hold a signal
	if p.detach {
		ctx = context.WithoutCancel(ctx)
	}
	id := r.ID
	err = p.cleanError(p.first(ctx, resolved.Scope, r), e, &resolved)
	if intent && (err == nil || isRecorded(err)) {
		p.attempts.Stored(id, attempt, owner)
	}
	if err != nil {
		return t.reject(ctx, e, &resolved, err)
	}
	if intent && !p.detach { // a processor may have kept it
		recordpool.Put(r)
	}
	return nil
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
