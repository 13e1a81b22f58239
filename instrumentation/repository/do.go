package auditrepo

import (
	"context"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/bracket"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/plumbing"
)

// Do calls f and records the result as an intent. It is for store methods that fit no
// role; the decorators are built on it.
//
//	func (s *Articles) Publish(ctx context.Context, id string) error {
//		return s.auditor.Do(ctx, id, audit.Event{Action: "article.publish", Operation: audit.OperationUpdate},
//			func(ctx context.Context, call *auditrepo.Call[Article, string]) error {
//				before, after, err := s.db.Publish(ctx, id)
//				call.SetBefore(before)
//				call.SetAfter(after)
//				return err
//			})
//	}
//
// id identifies the target. If it is the zero value, Do takes the id from the value that
// f passes to SetBefore or SetAfter.
//
// e describes the call. It needs an action, or an operation from which Do derives one,
// as in article.update. If e has no target type, Do uses Config.TargetType; if it has no
// reason, the reason of the context. Do ignores e.Kind and e.Outcome: the error of f
// determines the outcome, and a panic is a failure. Do computes the changes from the
// values that f sets, unless e has changes. For a deletion SetBefore suffices, for a
// creation SetAfter. Only a success has changes.
//
// Do resolves the actor first, within 10 seconds, and records that actor. If the event
// has no actor, no valid action or no valid operation, or lacks a reason or another field
// that a policy requires, it would be rejected: Do returns a [TrackError] without calling f.
// What only the call shows, the target, its name and the changes, is not required before.
// If it is missing afterwards, the event is recorded nevertheless: see [plumbing.Afterwards].
//
// The context of f has an open scope: that of ctx, or else one for this call. If f
// succeeds, the event covers the signals of its target and its operation in that scope:
// set e.Operation. f should use the store itself, not a decorated one, which would record
// an event of its own.
//
// Do returns the error of f unchanged if everything was recorded; otherwise see
// [TrackError]. A panic or runtime.Goexit of f is recorded and continues. If such a
// record fails, the error goes to the error handler of the tracker's provider.
func (a *Auditor[T, ID]) Do(ctx context.Context, id ID, e audit.Event, f func(context.Context, *Call[T, ID]) error) error {
	c, err := a.begin(ctx, id, e)
	if err != nil {
		return &TrackError{Err: err}
	}
	inner, end := withScope(ctx)
	return bracket.Call(
		func() error { return f(context.WithValue(inner, callKey{}, c), c) },
		func(returned bool, err error) error { return c.finish(inner, end, returned, err) },
		func(err error) { inside.Audit.Report(ctx, a.tracker, err) },
	)
}

// begin completes the event and checks, before the write, that it can be recorded.
func (a *Auditor[T, ID]) begin(ctx context.Context, id ID, e audit.Event) (*Call[T, ID], error) {
	if e.Target.Type == "" {
		e.Target.Type = a.config.TargetType
	}
	if e.Action == "" && e.Operation != audit.OperationUnspecified {
		e.Action, _ = names.ActionOn(e.Target.Type, e.Operation.String())
	}
	if !names.ValidAction(names.NormalizeAction(e.Action)) || !e.Operation.Valid() {
		return nil, invalidAction()
	}
	if e.Reason == "" {
		e.Reason = reasonOf(ctx)
	}
	e.Kind = audit.KindIntent
	resolved, err := plumbing.Resolve(ctx, &e, actorTimeout)
	resolved.Done()
	if err != nil {
		return nil, err
	}
	c := &Call[T, ID]{auditor: a, event: e, hasName: e.Target.Name != ""}
	if e.Target.ID == "" {
		c.try(func() error { return c.setTargetID(id) })
	}
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// check returns an error if the event would be rejected, whatever the store does.
func (c *Call[T, ID]) check(ctx context.Context) error {
	e := c.event
	e.Outcome, e.ID = audit.OutcomeUnknown, audit.NewID()
	e.Attempt = e.ID // an outcome and changes are not required yet
	return plumbing.Check(ctx, c.auditor.tracker, e, func(field string) bool {
		return field != "target" && field != "target.name" // the store may return them
	})
}

// actorTimeout limits the actor's resolver. It equals the default track timeout of a
// provider.
const actorTimeout = 10 * time.Second

// withScope returns a context with an open scope, so that signals wait for the event. If
// it opened the scope, end ends it; otherwise end does nothing.
//
// An open scope of ctx is used as it is, because signals may arrive after the call, such
// as those of a transaction that commits later.
func withScope(ctx context.Context) (inner context.Context, end func() error) {
	// An empty option changes nothing; Set fails if the scope is missing or has ended.
	if audit.ScopeFromContext(ctx).Set(audit.WithScopeMetadata()) == nil {
		return ctx, func() error { return nil }
	}
	inner, scope := audit.NewScope(ctx)
	return inner, func() error { return scope.End(ctx) }
}
