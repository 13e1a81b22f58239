package audit

import (
	"context"
	"errors"
	"time"
)

// detachedResolverWait bounds a resolver that is asked outside of a Track call, for
// which an SDK would have a timeout.
const detachedResolverWait = 10 * time.Second

// Detach opens a scope for work that outlives the unit of work of ctx, such as a
// goroutine that a request leaves behind, and returns a context that carries it. It
// is called before the outer scope ends, and not in the goroutine.
//
// The context keeps the values of ctx, and with them the trace and the mark of
// SuppressSignals; it is not cancelled and has no deadline. The scope has the actor,
// channel, tenant, metadata and signal limit that hold at this moment. Options say
// more of it, as those of NewScope do.
//
// The actor is resolved now, since a resolver is not called after the outer scope
// has ended. Where it fails, the error is an [ActorError] and nothing is returned
// but that. Where there is no actor the scope has none either, and its intents fail
// with ErrNoActor. A resolver is not called where AsActor is among the options.
//
// The scope is its own: intents cover signals of the same scope only, and neither
// of the two waits for the other. The caller ends it, also when the work panics; its
// End records the signals that were not covered.
func Detach(ctx context.Context, opts ...ScopeOption) (context.Context, *Scope, error) {
	outer := frameOf(ctx)
	f, s := newDetachedScope(context.WithoutCancel(ctx))
	r := Resolved{Scope: outer.scope}
	if p := outer.scope; p != nil {
		r.enter() // a resolver is called only where its scope waits for that
		defer r.Done()
		s.channel, s.tenant = r.Channel, r.Tenant
		s.metadata, s.overridden, s.marked = r.Metadata, r.Overridden, r.Marked
		p.mu.Lock()
		s.signals.limit = p.signals.limit
		p.mu.Unlock()
	}
	_ = s.Set(opts...) // a scope that was just made has not ended
	if s.actor != nil {
		return f, s, nil
	}
	actor, err := outer.resolveActor(ctx, detachedResolverWait, r.entered)
	if _, failed := errors.AsType[*ActorError](err); failed {
		return nil, nil, err
	}
	s.inherited = actor
	return f, s, nil
}

// newDetachedScope returns a scope that no other is around, and the frame around
// ctx that carries it.
func newDetachedScope(ctx context.Context) (*frame, *Scope) {
	c := new(scopeContext)
	c.Context, c.scope, c.suppressed = ctx, &c.own, frameOf(ctx).suppressed
	c.own.signals.limit = defaultSignalLimit
	return &c.frame, &c.own
}
