package request

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/frame"
	"github.com/opendeed/audit/plumbing"
)

// withActors adds the functions that find the actor and the one on whose behalf it acts.
func (x *Exchange) withActors(opts []audit.ScopeOption, d *Description) []audit.ScopeOption {
	find, findPrincipal := x.whileServed(d.Actor), x.whileServedFor(d.OnBehalfOf)
	x.hasActorFunc = find != nil || findPrincipal != nil
	switch {
	case find != nil && x.outer != nil:
		opts = append(opts, audit.WithActor(orInherit(find)))
	case find != nil:
		opts = append(opts, audit.WithActor(find))
	case x.outer == nil && !setInRequest(x.carrier.Context):
		opts = append(opts, withoutActor)
	}
	x.principal = findPrincipal
	if x.outer != nil && x.outer.principal != nil {
		x.principal = orElse(findPrincipal, x.outer.principal)
	}
	if findPrincipal != nil || find != nil && x.principal != nil {
		opts = append(opts, audit.WithOnBehalfOf(x.principal))
	}
	return opts
}

// ErrOver is the error of an actor that nobody asked for before the framework could use its
// objects for another request.
var ErrOver error = errortype.OwnError("the request is over, and what it had may be another's; find the actor before the handler ends, or before its timeout")

// whileServed returns find, which is not called once the framework may use its objects
// for another request. find may be nil.
func (x *Exchange) whileServed(find func(context.Context) (audit.Actor, error)) func(context.Context) (audit.Actor, error) {
	if find == nil {
		return nil
	}
	return func(ctx context.Context) (audit.Actor, error) {
		if x.released.Load() {
			return audit.Actor{}, ErrOver
		}
		return find(ctx)
	}
}

// whileServedFor is whileServed for the function that finds on whose behalf an actor acts.
func (x *Exchange) whileServedFor(find principalFunc) principalFunc {
	if find == nil {
		return nil
	}
	return func(ctx context.Context, actor audit.Actor) (audit.Actor, error) {
		if x.released.Load() {
			return audit.Actor{}, ErrOver
		}
		return find(ctx, actor)
	}
}

// withoutActor is for a request for which nobody has an actor function: who acts in what
// encloses the server does not act in its requests.
var withoutActor = audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, nil })

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
			err = plumbing.ErrInherit
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
