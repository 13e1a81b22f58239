package auditrepo

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/opendeed/audit"
)

// Do calls f and records what came of it, for the methods of a store that no role is
// made for. Decorated stores are made of it.
//
//	func (s *Articles) Publish(ctx context.Context, id string) error {
//		return s.auditor.Do(ctx, id, audit.Event{Action: "article.publish"},
//			func(ctx context.Context, call *auditrepo.Call[Article, string]) error {
//				before, after, err := s.db.Publish(ctx, id)
//				call.Before(before)
//				call.After(after)
//				return err
//			})
//	}
//
// id is that of the target. The zero value means that it is not known yet: the target
// is then the one of the value that Before or After states.
//
// e is what is stated of the call: its action, or an operation to make one of, and
// whatever else belongs to it. The type of the target is Config's unless e has one.
// Kind and Outcome are not used: the outcome is that of the error, a panic is a failure.
// Changes are made of the values that f states, unless e has some, and recorded after a
// success only. Of a deletion Before is enough, of a creation After.
//
// An event that could not be recorded, because there is no actor or no good action, is
// an error and f is not called. An actor that is found then is the event's.
//
// f gets a context whose signals the event covers if it succeeds: that of the open
// scope of ctx, or of one for this call alone. So f should use the store itself, and
// not one that is decorated and records an event of its own.
//
// The error is what f returned, if everything was recorded; see [TrackError].
func (a *Auditor[T, ID]) Do(ctx context.Context, id ID, e audit.Event, f func(context.Context, *Call[T, ID]) error) (err error) {
	c, err := a.begin(ctx, id, e)
	if err != nil {
		return &TrackError{Err: err}
	}
	inner, end := withScope(ctx)
	returned := false
	defer func() {
		failed := c.conclude(inner, end, returned, err)
		switch {
		case failed == nil:
			return // a panic, or a Goexit, goes on by itself
		case returned && err == nil:
			err = failed
			return
		case returned:
			err = errors.Join(err, failed)
			return
		}
		if p := recover(); p != nil {
			panic(&audit.EndPanicError{Value: p, Err: failed})
		}
		slog.ErrorContext(ctx, "a store ended its goroutine, and the record of that is missing", slog.Any("error", failed))
	}()
	err = f(inner, c)
	returned = true
	return err
}

// begin finds out ahead of the write what would make its record fail.
func (a *Auditor[T, ID]) begin(ctx context.Context, id ID, e audit.Event) (*Call[T, ID], error) {
	if e.Target.Type == "" {
		e.Target.Type = a.config.Type
	}
	if e.Action == "" && e.Operation != audit.OperationUnspecified {
		e.Action = e.Target.Type + "." + e.Operation.String()
	}
	if !audit.ValidAction(audit.NormalizeAction(e.Action)) || !e.Operation.Valid() {
		return nil, badAction()
	}
	if e.Reason == "" {
		e.Reason = reasonOf(ctx)
	}
	e.Kind = audit.KindIntent
	resolved, err := audit.Resolve(ctx, &e, actorWait)
	resolved.Done()
	if err != nil {
		return nil, err
	}
	c := &Call[T, ID]{auditor: a, event: e, named: e.Target.Name != ""}
	if e.Target.ID == "" {
		c.safely(func() error { return c.identify(id) })
	}
	return c, nil
}

// actorWait bounds an actor's resolver, as a provider's track timeout does by default.
const actorWait = 10 * time.Second

// withScope returns the context of the call, with an open scope, so that signals wait
// for the event; and what ends the scope, if it was opened for this.
//
// A scope that is open is not put another one in: signals may come when the call is
// over, such as those of a transaction that is committed later.
func withScope(ctx context.Context) (inner context.Context, end func() error) {
	if audit.ScopeFromContext(ctx).Set(audit.WithScopeMetadata()) == nil { // it changes nothing where it may
		return ctx, func() error { return nil }
	}
	inner, scope := audit.NewScope(ctx)
	return inner, func() error { return scope.End(context.WithoutCancel(ctx)) }
}
