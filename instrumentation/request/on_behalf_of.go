package request

import (
	"context"

	"github.com/opendeed/audit"
)

// resolver returns a function that finds the actor and, if d.OnBehalfOf is set, the one on
// whose behalf it acts. It returns nil if there is no actor function.
func (d *Description) resolver() func(context.Context) (audit.Actor, error) {
	if d.Actor == nil || d.OnBehalfOf == nil {
		return d.Actor
	}
	findActor, findPrincipal := d.Actor, d.OnBehalfOf
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
