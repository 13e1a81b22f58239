package session

import (
	"context"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/plumbing"
)

// actorWait bounds an actor function that is called before Track.
const actorWait = 10 * time.Second

// TrackLogin records that an actor logged in. authMethod says how, e.g. "password"; it is
// the actor's AuthMethod unless that is set. TrackLogin fills what e leaves empty: the
// actor from the context, the target with the actor's account, the action from the
// target's type ("user.login"), the operation, and the outcome, success.
func TrackLogin(ctx context.Context, t audit.Tracker, e audit.Event, authMethod string) error {
	return trackSession(ctx, t, e, audit.OperationLogin, authMethod)
}

// TrackLogout records that an actor logged out. It fills what e leaves empty as
// [TrackLogin] does; the action is "user.logout".
func TrackLogout(ctx context.Context, t audit.Tracker, e audit.Event, authMethod string) error {
	return trackSession(ctx, t, e, audit.OperationLogout, authMethod)
}

// TrackLoginFailure records that somebody failed to log in. e.Target.ID is the account
// that the client claimed, such as the login name of a form.
//
//	session.TrackLoginFailure(ctx, tracker, audit.Event{Target: audit.Target{ID: form.Login}}, "password")
//
// It fills what e leaves empty: the actor, who is anonymous and needs no permission; the
// target's type, "user"; the action "user.login"; the operation; and the outcome, denied.
//
// The target's ID comes from a client. No login name keeps the attempt out of the trail: a
// long one is shortened, and bytes that are not text are escaped.
func TrackLoginFailure(ctx context.Context, t audit.Tracker, e audit.Event, authMethod string) error {
	if e.Actor.IsZero() {
		e.Actor = audit.Anonymous()
	}
	if e.Actor.AuthMethod == "" {
		e.Actor.AuthMethod = authMethod
	}
	if e.Target.Type == "" {
		e.Target.Type = "user"
	}
	return track(ctx, t, e, audit.OperationLogin, audit.OutcomeDenied)
}

func trackSession(ctx context.Context, t audit.Tracker, e audit.Event, op audit.Operation, authMethod string) error {
	if e.Actor.IsZero() {
		// The target is the actor's account, so the actor is needed before Track.
		r, err := plumbing.Resolve(ctx, &e, actorWait)
		r.Done()
		if err != nil {
			return err
		}
		e.Actor = e.Actor.Clone()
	}
	if e.Actor.AuthMethod == "" {
		e.Actor.AuthMethod = authMethod
	}
	if e.Target == (audit.Target{}) {
		e.Target = audit.Target{Type: e.Actor.Type.String(), ID: e.Actor.ID, Name: e.Actor.Name}
	}
	return track(ctx, t, e, op, audit.OutcomeSuccess)
}

// track fills the action, the operation and the outcome if e leaves them empty, and tracks
// e.
func track(ctx context.Context, t audit.Tracker, e audit.Event, op audit.Operation, outcome audit.Outcome) error {
	if t == nil {
		return audit.ErrNoProvider
	}
	if e.Action == "" {
		action, ok := names.ActionOn(e.Target.Type, op.String())
		if !ok {
			return &audit.ValidationError{Field: "action", Reason: "set one, such as user." + op.String() + "; none can be made of the target's type"}
		}
		e.Action = action
	}
	if e.Operation == audit.OperationUnspecified {
		e.Operation = op
	}
	if e.Outcome == audit.OutcomeUnknown {
		e.Outcome = outcome
	}
	return t.Track(ctx, e)
}
