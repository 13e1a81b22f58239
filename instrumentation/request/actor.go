package request

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/frame"
)

// withActors adds the functions that find the actor and the one on whose behalf it acts.
func (x *Exchange) withActors(opts []audit.ScopeOption, d *Description) []audit.ScopeOption {
	switch {
	case d.Actor != nil && x.outer != nil:
		opts = append(opts, audit.WithActor(orInherit(d.Actor)))
	case d.Actor != nil:
		opts = append(opts, audit.WithActor(d.Actor))
	case x.outer == nil && !setInRequest(x.carrier.Context):
		opts = append(opts, audit.WithActor(noActor))
	}
	x.principal = d.OnBehalfOf
	if x.outer != nil && x.outer.principal != nil {
		x.principal = orElse(d.OnBehalfOf, x.outer.principal)
	}
	if d.OnBehalfOf != nil || d.Actor != nil && x.principal != nil {
		opts = append(opts, audit.WithOnBehalfOf(x.principal))
	}
	return opts
}

// noActor is the actor function of a request for which nobody has another: who acts in what
// encloses the server does not act in its requests.
func noActor(context.Context) (audit.Actor, error) { return audit.Actor{}, nil }

// setInRequest reports whether the audit context of ctx was made for the request, by an
// application's own authentication, and not for what encloses the server, such as by
// http.Server.BaseContext.
func setInRequest(ctx context.Context) bool {
	f := frame.Of(ctx)
	return f != nil && (f.Value(http.ServerContextKey) != nil || ctx.Value(http.ServerContextKey) == nil)
}

// orInherit returns an actor function that leaves it to the outer exchange of the same
// request to find the actor that find does not know.
func orInherit(find func(context.Context) (audit.Actor, error)) func(context.Context) (audit.Actor, error) {
	return func(ctx context.Context) (audit.Actor, error) {
		actor, err := find(ctx)
		if err == nil && actor.IsZero() {
			err = audit.ErrInherit
		}
		return actor, err
	}
}

type principalFunc = func(context.Context, audit.Actor) (audit.Actor, error)

// orElse returns a function that asks outer if inner, which may be nil, finds nobody.
func orElse(inner, outer principalFunc) principalFunc {
	if inner == nil {
		return outer
	}
	return func(ctx context.Context, actor audit.Actor) (audit.Actor, error) {
		principal, err := inner(ctx, actor)
		if err != nil || !principal.IsZero() {
			return principal, err
		}
		return outer(ctx, actor)
	}
}
