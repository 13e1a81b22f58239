package audithttp

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
)

// WithOnBehalfOf sets for whom the actor of a request acts, for impersonation and
// delegation: an administrator who looks at an account as its owner, a service that was
// handed a user's token. f is called when the actor was found, under the same rules as
// WithActor's function, and returns the actor behind it, or the zero Actor where there
// is none. It must find out by itself that the actor may act for that one: a header that
// any client can send is no proof. An error is the error of the Track call: nothing is
// recorded in the name of the wrong one.
//
// An actor that was stated by audit.SetActor or in an event states its own OnBehalfOf.
func WithOnBehalfOf(f func(r *http.Request, actor audit.Actor) (audit.Actor, error)) Option {
	return func(c *config) { c.onBehalfOf = f }
}

// ActingFor returns a resolver of the actor that resolve finds, with behind's actor
// behind it and those that stand behind it already. Integrations of other frameworks
// use it for options of their own.
func ActingFor(
	resolve func(context.Context) (audit.Actor, error),
	behind func(context.Context, audit.Actor) (audit.Actor, error),
) func(context.Context) (audit.Actor, error) {
	return func(ctx context.Context) (audit.Actor, error) {
		actor, err := resolve(ctx)
		if err != nil || actor.IsZero() {
			return actor, err
		}
		principal, err := behind(ctx, actor)
		if err != nil || principal.IsZero() {
			return actor, err
		}
		actor = actor.Clone() // which may be the application's
		last := &actor
		for last.OnBehalfOf != nil {
			last = last.OnBehalfOf
		}
		last.OnBehalfOf = &principal
		return actor, nil
	}
}
