package audit

import "context"

// TrackLogin records that an actor logged in. authMethod says how, e.g. "password"; it is
// the actor's AuthMethod unless that is set. TrackLogin fills what e leaves empty: the
// actor from the context, the target with the actor's account, the action from the
// target's type ("user.login"), the operation, and the outcome, success.
func TrackLogin(ctx context.Context, t Tracker, e Event, authMethod string) error {
	return trackSession(ctx, t, e, OperationLogin, authMethod)
}

// TrackLogout records that an actor logged out. It fills what e leaves empty as
// [TrackLogin] does; the action is "user.logout".
func TrackLogout(ctx context.Context, t Tracker, e Event, authMethod string) error {
	return trackSession(ctx, t, e, OperationLogout, authMethod)
}

// TrackLoginFailure records that somebody failed to log in. e.Target.ID is the account
// that the client claimed, such as the login name of a form.
//
//	audit.TrackLoginFailure(ctx, tracker, audit.Event{Target: audit.Target{ID: form.Login}}, "password")
//
// It fills what e leaves empty: the actor, who is anonymous and needs no permission; the
// target's type, "user"; the action "user.login"; the operation; and the outcome, denied.
//
// The target's ID comes from a client. No login name keeps the attempt out of the trail: a
// long one is shortened, and bytes that are not text are escaped.
func TrackLoginFailure(ctx context.Context, t Tracker, e Event, authMethod string) error {
	if e.Actor.IsZero() {
		e.Actor = Anonymous()
	}
	if e.Actor.AuthMethod == "" {
		e.Actor.AuthMethod = authMethod
	}
	if e.Target.Type == "" {
		e.Target.Type = "user"
	}
	return trackFilled(ctx, t, e, OperationLogin, OutcomeDenied)
}

func trackSession(ctx context.Context, t Tracker, e Event, op Operation, authMethod string) error {
	if e.Actor.IsZero() {
		// The target is the actor's account, so the actor is needed before Track.
		r, err := Resolve(ctx, &e, detachedResolverWait)
		r.Done()
		if err != nil {
			return err
		}
		e.Actor = e.Actor.Clone()
	}
	if e.Actor.AuthMethod == "" {
		e.Actor.AuthMethod = authMethod
	}
	if e.Target == (Target{}) {
		e.Target = Target{Type: e.Actor.Type.String(), ID: e.Actor.ID, Name: e.Actor.Name}
	}
	return trackFilled(ctx, t, e, op, OutcomeSuccess)
}
