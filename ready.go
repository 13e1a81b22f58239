package audit

import (
	"context"
	"errors"
	"strings"
)

// Checker is implemented by trackers that know before the action what they would reject.
// It is optional: a Tracker that does not implement it is never asked. One that wraps
// another forwards Check with [CheckIntent].
type Checker interface {
	// Check returns an error if Track would reject the intent e because its actor or a
	// required field is missing. The outcome and the changes, which are only known after
	// the action, are not required yet. If final is not nil, only the fields for which it
	// returns true count; the others may still be set. The actor is the field "actor". A
	// rejection is recorded.
	Check(ctx context.Context, e Event, final func(field string) bool) error
}

// CheckIntent asks t as a [Checker]. It returns nil if t is none.
func CheckIntent(ctx context.Context, t Tracker, e Event, final func(field string) bool) error {
	c, ok := t.(Checker)
	if !ok {
		return nil
	}
	return c.Check(ctx, e, final)
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

// NewUnmetError returns the error for an action whose event t rejects with err.
func NewUnmetError(action string, err error) *UnmetError {
	return &UnmetError{Action: action, Fields: invalidFields(nil, err), Err: err}
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

// invalidFields appends the fields of every ValidationError in err.
func invalidFields(fields []string, err error) []string {
	if invalid, ok := err.(*ValidationError); ok { //nolint:errorlint // the tree is walked
		return append(fields, invalid.Field)
	}
	switch err := err.(type) { //nolint:errorlint // the tree is walked
	case interface{ Unwrap() error }:
		return invalidFields(fields, err.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range err.Unwrap() {
			fields = invalidFields(fields, err)
		}
	}
	return fields
}

// ErrNoIntent means that the context has no route intent.
var ErrNoIntent = errors.New("audit: the context has no route intent; add Intent of the middleware to the route")

// routeIntent is the intent for which a scope was opened.
type routeIntent struct {
	tracker Tracker
	event   func() Event
}

// WithIntent says for which intent the scope is opened, so that [Ready] can check it. event
// returns what is known of it. It is for integrations that track the intent when the work
// has ended.
func WithIntent(t Tracker, event func() Event) ScopeOption {
	return func(o *scopeOptions) { o.intent = &routeIntent{tracker: t, event: event} }
}

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
func Ready(ctx context.Context) error {
	return ready(ctx, nil)
}

// ReadyAsFar is Ready for an integration that knows some fields before the handler runs:
// only those for which final returns true count.
func ReadyAsFar(ctx context.Context, final func(field string) bool) error {
	return ready(ctx, final)
}

func ready(ctx context.Context, final func(field string) bool) error {
	var target Target
	var reason string
	for s := ScopeFromContext(ctx); s != nil; s = s.parent {
		s.mu.Lock()
		fill(&target, s.target)
		fill(&reason, s.reason)
		intent := s.intent
		s.mu.Unlock()
		if intent == nil {
			continue
		}
		e := intent.event()
		if target != (Target{}) {
			e.Target = target
		}
		fill(&e.Reason, reason)
		e.Kind, e.Outcome, e.ID = KindIntent, OutcomeUnknown, NewID()
		e.Attempt = e.ID // an outcome and changes are not required yet
		if err := CheckIntent(ctx, intent.tracker, e, final); err != nil {
			return NewUnmetError(e.Action, err)
		}
		return nil
	}
	return ErrNoIntent
}

// SetReason sets the reason of the route intent for which the nearest scope was opened,
// unless its event has one. It returns ErrNoScope if ctx has no scope.
func SetReason(ctx context.Context, reason string) error {
	return ScopeFromContext(ctx).Set(func(o *scopeOptions) { o.reason = &reason })
}

// Reason returns the reason that SetReason set.
func (s *Scope) Reason() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// Afterwards returns a context for intents of what has been done already. An intent that
// lacks what a policy requires is recorded nevertheless, with the marks policy.unmet, and
// Track returns the error. It is for integrations that track an intent when the work has
// ended; code that can still refuse to do the work calls [Ready] or [Begin] before.
func Afterwards(ctx context.Context) context.Context {
	f := derive(ctx)
	f.afterwards = true
	return f
}
