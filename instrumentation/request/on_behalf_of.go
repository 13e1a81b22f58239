package request

import (
	"context"

	"github.com/opendeed/audit"
)

// withPrincipal returns an actor function that finds the actor and the one on whose behalf
// it acts. It returns findActor if one of the functions is nil.
func withPrincipal(findActor func(context.Context) (audit.Actor, error), findPrincipal func(context.Context, audit.Actor) (audit.Actor, error)) func(context.Context) (audit.Actor, error) {
	if findActor == nil || findPrincipal == nil {
		return findActor
	}
	return func(ctx context.Context) (audit.Actor, error) {
		actor, err := findActor(ctx)
		if err != nil || actor.IsZero() {
			return actor, err
		}
		principal, err := findPrincipal(ctx, actor)
		if err != nil || principal.IsZero() {
			return actor, err
		}
		return onBehalfOf(actor, principal), nil
	}
}

// onBehalfOf returns actor with principal at the end of its delegation chain.
func onBehalfOf(actor, principal audit.Actor) audit.Actor {
	actor = actor.Clone() // the application may share it
	last := &actor
	for last.OnBehalfOf != nil {
		last = last.OnBehalfOf
	}
	last.OnBehalfOf = &principal
	return actor
}
