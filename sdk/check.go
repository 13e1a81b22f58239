package sdk

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/sdk/internal/recordpool"
)

var (
	_ plumbing.Checker  = (*tracker)(nil)
	_ plumbing.Reporter = (*tracker)(nil)
)

// Report implements plumbing.Reporter.
func (t *tracker) Report(ctx context.Context, err error) {
	ctx = context.WithoutCancel(ctx)
	if handle := t.pipeline.errorHandler; handle != nil {
		handle(ctx, err)
		return
	}
	t.pipeline.logger.LogAttrs(ctx, slog.LevelError, "audit: an event is incomplete or missing", slog.String("error", t.pipeline.redact(err.Error())))
}

// Check implements plumbing.Checker. Processors are not called. If the provider has any, they
// may still add metadata, a tenant and a channel, so those are never found missing here.
func (t *tracker) Check(ctx context.Context, e audit.Event, final func(field string) bool) error {
	p := t.pipeline
	if p.gate.Closed() {
		return audit.ErrShutdown
	}
	final = t.finality(final)
	if !p.checks(final) {
		return nil // whatever the event says
	}
	resolved, err := plumbing.Resolve(ctx, &e, p.trackTimeout)
	defer resolved.Done()
	p.reportHung(ctx, resolved.Scope)
	if final != nil && !final(pathActor) {
		err = nil // authentication may still find the actor
	}
	if err == nil {
		err = t.checkKnown(ctx, &e, &resolved, final)
	}
	if err == nil {
		return nil
	}
	p.metrics.reject(ctx, err)
	return t.reject(ctx, &e, &resolved, err)
}

func (t *tracker) checkKnown(ctx context.Context, e *audit.Event, resolved *plumbing.Resolved, final func(field string) bool) error {
	r := t.pipeline.records.Make(ctx, e, resolved, t.instrumentation)
	err := finalProblems(t.pipeline.check(r), final)
	recordpool.Put(r) // nobody else has seen it
	return err
}

// MayReject reports whether Check may return an error. It is for audit.Ready and the like, which
// need not make an event otherwise.
func (t *tracker) MayReject(final func(field string) bool) bool {
	return t.pipeline.gate.Closed() || t.pipeline.checks(t.finality(final))
}

// everyEventHas are the fields that are checked in every event, whatever the rules.
var everyEventHas = []string{pathActor, "action", "bulk.selector", "kind", "operation", "outcome", "target.type"}

// checks reports whether a field is checked for which final returns true. nil means all.
func (p *pipeline) checks(final func(field string) bool) bool {
	return final == nil || slices.ContainsFunc(everyEventHas, final) || slices.ContainsFunc(p.requirable, final)
}

// finality returns which fields can no longer be set. nil means all.
func (t *tracker) finality(final func(field string) bool) func(string) bool {
	if !t.pipeline.detach {
		return final
	}
	return func(field string) bool {
		return field != "tenant" && field != "channel" && !strings.HasPrefix(field, "metadata.") && (final == nil || final(field))
	}
}

// finalProblems returns what remains of err if only fields count for which final returns
// true.
func finalProblems(err error, final func(field string) bool) error {
	if err == nil || final == nil {
		return err
	}
	if unmet, ok := errors.AsType[*PolicyError](err); ok {
		left := &PolicyError{Rule: unmet.Rule}
		for _, problem := range unmet.Problems {
			if finalProblems(problem, final) != nil {
				left.Problems = append(left.Problems, problem)
			}
		}
		if len(left.Problems) == 0 {
			return nil
		}
		return left
	}
	field := pathActor
	if invalid, ok := errors.AsType[*audit.ValidationError](err); ok {
		field = invalid.Field
	}
	if final(field) {
		return err
	}
	return nil
}
