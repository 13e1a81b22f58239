package audit

import (
	"context"
	"fmt"

	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// SetChanges sets the changes of the event that is recorded when the nearest route intent
// or [Do] ends. It takes the diff at once, as [Diff] does. For something that was created
// or deleted, before or after is a nil pointer.
//
//	audit.SetChanges(ctx, before, article)
//
// A second call replaces the changes, and the record is marked. If the values cannot be
// diffed, the record has a mark in place of changes. The changes of what failed are marked
// as requested.
//
// SetChanges and its siblings return nothing, so that they do not get in the way of the
// work. If there is no such event, if it has been recorded, or if the diff fails, the error
// handler of the middleware is called, or that of the provider (sdk.WithErrorHandler), and
// an audittest.Recorder fails the test.
func SetChanges[T any](ctx context.Context, before, after T, opts ...diff.Option) {
	changes, err := Diff(before, after, opts...)
	draftOf(ctx).setChanges(ctx, changes, err)
}

// SetTarget sets the target of the event that is recorded when the nearest route intent or
// [Do] ends, once the handler knows it. It also names what a request is about whose route
// has no intent: see [SetChanges] for what is reported.
func SetTarget(ctx context.Context, t Target) {
	draftOf(ctx).changeAny(ctx, "SetTarget", func(said *words) { said.Target = t })
}

// SetReason sets the reason of the event that is recorded when the nearest route intent or
// [Do] ends, unless the event has one. See [SetChanges].
func SetReason(ctx context.Context, reason string) {
	draftOf(ctx).change(ctx, "SetReason", func(said *words) { said.Reason = reason })
}

// SetOutcome sets the outcome of the event that is recorded when the nearest route intent or
// [Do] ends, for a handler that knows better than the status of its response or the error of
// its function. What panicked or returned an error is never a success. See [SetChanges].
func SetOutcome(ctx context.Context, o Outcome) {
	draftOf(ctx).change(ctx, "SetOutcome", func(said *words) { said.Outcome = o })
}

// AddMetadata adds metadata to the event that is recorded when the nearest route intent or
// [Do] ends. It replaces what the event has of the same keys. To add metadata to every
// event of a request, set it in the scope. See [SetChanges].
func AddMetadata(ctx context.Context, kvs ...attribute.KeyValue) {
	draftOf(ctx).change(ctx, "AddMetadata", func(said *words) { addMetadata(said, kvs) })
}

// setChanges sets the changes that a diff found, or marks that it failed.
func (d *draft) setChanges(ctx context.Context, changes []Change, err error) {
	d.change(ctx, "SetChanges", func(said *words) {
		if said.Changes != nil {
			addMark(said, "changes", mark.Repeated)
		}
		said.Changes = changes
		switch {
		case err != nil:
			addMark(said, "changes", mark.Missing)
		case changes == nil:
			said.Changes = []Change{} // a second call finds that there was a first
		}
	})
	if t, author := d.intent(); err != nil && t != nil {
		author.Report(ctx, fmt.Errorf("audit.SetChanges: %w", err))
	}
}
