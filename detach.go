package audit

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit/internal/resolver"
)

// detachedResolverWait bounds an actor function that is called outside of a Track call,
// which would have the SDK's timeout.
const detachedResolverWait = 10 * time.Second

// Detach opens a scope for work that outlives the unit of work of ctx, such as a goroutine
// that a request starts, and returns a context that carries it. Call it before the outer
// scope ends, not in the goroutine.
//
// The context keeps the values of ctx, including the trace and the mark of
// SuppressSignals. It is never canceled and has no deadline. The scope has the actor,
// channel, tenant, metadata and signal limit of this moment. Options change it as those of
// NewScope do.
//
// Detach finds the actor now, since an actor function is not called after the outer scope
// has ended. If the function fails, Detach returns an [*ActorError], and the context and
// the scope are nil. If there is no actor, the scope has none either, and its intents fail
// with ErrNoActor. With the option AsActor no function is called.
//
// The scopes are independent: an intent covers only signals of its own scope, and neither
// scope waits for the other. The caller must end the scope, also when the work panics; its
// End records the signals that no intent covers.
func Detach(ctx context.Context, opts ...ScopeOption) (context.Context, *Scope, error) {
	outer := frameOf(ctx)
	f, s := newDetachedScope(context.WithoutCancel(ctx))
	from := enter(outer.scope, 0) // an actor function is called only while its scope waits for it
	defer leave(outer.scope, from.Entered)
	s.data = from.Data
	if p := outer.scope; p != nil {
		p.mu.Lock()
		s.signals.Limit = p.signals.Limit
		p.mu.Unlock()
	}
	_ = s.Set(opts...) // a new scope has not ended
	if s.who.Known() != nil {
		return f, s, nil
	}
	actor, err := outer.findActor(ctx, resolver.Query{Wait: detachedResolverWait, Entered: from.Entered})
	if _, failed := errors.AsType[*ActorError](err); failed {
		return nil, nil, err
	}
	s.who.Inherit(nil, actor)
	return f, s, nil
}

// newDetachedScope returns a scope without an outer one, and the frame that carries it, as
// a child of ctx.
func newDetachedScope(ctx context.Context) (*frame, *Scope) {
	s := new(Scope)
	s.signals.Limit = defaultSignalLimit
	f := s.carriedBy(frame{Context: ctx, scope: s, suppressed: frameOf(ctx).suppressed})
	return f, s
}
