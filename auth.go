package audit

import "context"

// TrackLogin records that e.Actor, or the context's if e has none, logged in by
// authMethod. It fills what e leaves empty: the target, which is the actor's account, the action from its
// type ("user.login"), the operation and the outcome, success.
func TrackLogin(ctx context.Context, t Tracker, e Event, authMethod string) error {
	return trackSession(ctx, t, e, OperationLogin, authMethod)
}

// TrackLogout records that e.Actor, or the context's if e has none, logged out.
// It fills what e leaves empty: the target, which is the actor's account, the
// action from its type ("user.logout"), the operation and the outcome, success.
func TrackLogout(ctx context.Context, t Tracker, e Event, authMethod string) error {
	return trackSession(ctx, t, e, OperationLogout, authMethod)
}

// TrackLoginFailure records that somebody tried to log in as claimedID and was
// refused. The actor is anonymous, since nobody proved to be anyone, and needs no
// leave of the provider; the target is the user of the claimed id, the action
// "user.login" and the outcome denied, unless e says otherwise.
//
// claimedID is what a client sent: it is cleaned with [CleanClientText], and
// marked, so that no login name keeps the attempt from being recorded.
func TrackLoginFailure(ctx context.Context, t Tracker, e Event, claimedID, authMethod string) error {
	if e.Actor.IsZero() {
		e.Actor = Anonymous()
	}
	if e.Actor.AuthMethod == "" {
		e.Actor.AuthMethod = authMethod
	}
	if e.Target == (Target{}) {
		e.Target = Target{Type: "user", ID: CleanClientText(claimedID)}
		if e.Target.ID != claimedID {
			f := derive(ctx)
			f.marked = []string{"target.id"}
			ctx = f
		}
	}
	e.fill(OperationLogin, OutcomeDenied)
	return trackWith(ctx, t, e)
}

func trackSession(ctx context.Context, t Tracker, e Event, op Operation, authMethod string) error {
	if e.Actor.IsZero() {
		// The target is the actor's account, so that the actor is needed ahead of
		// Track.
		r, err := Resolve(ctx, &e, endResolverWait)
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
	e.fill(op, OutcomeSuccess)
	return trackWith(ctx, t, e)
}
