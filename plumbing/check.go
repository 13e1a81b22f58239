package plumbing

import (
	"context"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
)

// Checker is implemented by trackers that know before the action what they would reject.
// It is optional: a tracker that does not implement it is never asked. One that wraps
// another forwards Check with the function [Check].
type Checker interface {
	// Check returns an error if Track would reject the intent e because its actor or a
	// required field is missing. The outcome and the changes, which are only known after
	// the action, are not required yet. If final is not nil, only the fields for which it
	// returns true count; the others may still be set. The actor is the field "actor". A
	// rejection is recorded.
	Check(ctx context.Context, e audit.Event, final func(field string) bool) error
}

// Check asks t as a [Checker]. It returns nil if t is none.
func Check(ctx context.Context, t audit.Tracker, e audit.Event, final func(field string) bool) error {
	return inside.Audit.Check(ctx, t, e, final)
}

// Reporter is implemented by trackers that can report an error that no caller receives,
// such as that of audit.SetChanges. It is optional; such errors are logged otherwise.
type Reporter interface {
	Report(ctx context.Context, err error)
}

// Afterwards returns a context for intents of what has been done already. An intent that
// lacks what a policy requires is recorded nevertheless, with the marks policy.unmet, and
// Track returns the error. It is for instrumentation that tracks an intent when the work
// has ended; code that can still refuse to do the work calls audit.Ready or audit.Begin
// before.
func Afterwards(ctx context.Context) context.Context { return inside.Audit.Afterwards(ctx) }
