package audit

import "context"

// WithOnBehalfOf sets a function that finds on whose behalf the actor of the scope acts,
// for impersonation and delegation. It is called once for an actor, under the same rules as
// the function of [WithActor], with an actor that the scope has: its own, or that of an
// outer scope. It returns the zero Actor if the actor acts for itself; then the function of
// the outer scope from which the actor comes is asked, if there is one.
//
// An actor in an event or of a [ContextWithActor] inside the scope is complete as it is. If
// it is not known on whose behalf an actor acts, because f returned an error or the scope
// has ended, Track returns an [*ActorError].
func WithOnBehalfOf(f func(ctx context.Context, actor Actor) (Actor, error)) ScopeOption {
	return func(o *scopeOptions) {
		o.principal = func(ctx context.Context, actor Actor) (Actor, error) {
			principal, err := f(ctx, actor.Clone())
			if err != nil || principal.IsZero() {
				return Actor{}, err
			}
			return onBehalfOf(actor, principal), nil
		}
	}
}

// onBehalfOf returns actor with principal at the end of its delegation chain.
func onBehalfOf(actor, principal Actor) Actor {
	actor = actor.Clone() // the application may share it
	last := &actor
	for last.OnBehalfOf != nil {
		last = last.OnBehalfOf
	}
	last.OnBehalfOf = &principal
	return actor
}
