package audit

import (
	"context"
	"errors"
	"strings"

	"github.com/opendeed/audit/internal/errtree"
)

// checker is plumbing.Checker.
type checker interface {
	Check(ctx context.Context, e Event, final func(field string) bool) error
}

// mayReject reports whether t may reject an event for a field for which final returns true. A
// nil final means any.
func mayReject(t Tracker, final func(field string) bool) bool {
	c, ok := t.(interface {
		MayReject(final func(field string) bool) bool
	})
	return !ok || c.MayReject(final)
}

// check implements plumbing.Check.
func check(ctx context.Context, t Tracker, e Event, final func(field string) bool) error {
	if c, ok := t.(checker); ok {
		return c.Check(ctx, e, final)
	}
	return nil
}

// UnmetError reports an action that must not be done, because its event would be rejected.
// It contains no values.
type UnmetError struct {
	// Action is the action of the event.
	Action string
	// Fields are the paths of the fields that are missing or wrong, e.g. "reason" or
	// "metadata.ticket". It is empty if the actor is missing.
	Fields []string
	// Err is the error of the tracker.
	Err error
}

// newUnmetError returns the error for an action whose event t rejects with err.
func newUnmetError(action string, err error) *UnmetError {
	unmet := &UnmetError{Action: action, Err: err}
	for _, invalid := range errtree.All[*ValidationError](err) {
		unmet.Fields = append(unmet.Fields, invalid.Field)
	}
	return unmet
}

// Error describes the problem for logs.
func (e *UnmetError) Error() string {
	missing := ""
	if len(e.Fields) > 0 {
		missing = " (" + strings.Join(e.Fields, ", ") + ")"
	}
	return "audit: " + e.Action + " must not be done, since its event would be rejected" + missing + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *UnmetError) Unwrap() error { return e.Err }

// ErrNoIntent means that the context has no event that a handler could complete.
var ErrNoIntent = errors.New("audit: the context has no event to complete; add Intent of the middleware to the route, or call audit.Do")

// Ready reports whether the action of the nearest route intent may be done: it returns an
// [*UnmetError] if the event as it is now would be rejected, for lack of a reason that the
// policy requires, say. A handler calls it before its side effect, after it has set what it
// knows.
//
//	audit.SetReason(ctx, form.Reason)
//	if err := audit.Ready(ctx); err != nil {
//		return err // nothing was done
//	}
//
// Without a route intent the error is ErrNoIntent.
func Ready(ctx context.Context) error { return ready(ctx, nil) }

// ready implements bridge.Functions.ReadyAsFar. If final is nil, all fields count.
func ready(ctx context.Context, final func(field string) bool) error {
	d := draftOf(ctx)
	t, author := d.intent()
	if t == nil {
		return ErrNoIntent
	}
	if !mayReject(t, final) {
		return nil
	}
	e, said := author.Event(), d.content()
	e.Kind, e.ID, e.Outcome = KindIntent, NewID(), OutcomeUnknown
	e.Attempt = e.ID // an outcome and changes are not required yet
	fill(&said.Target, e.Target)
	e.Target, said.Outcome = said.Target, OutcomeUnknown
	e = completed(e, said, OutcomeUnknown, false)
	if err := check(ctx, t, e, final); err != nil {
		return newUnmetError(e.Action, err)
	}
	return nil
}
