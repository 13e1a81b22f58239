package audit

import "context"

// frame is the one value that this package keeps in a context, so that a Track
// call finds everything with a single look-up. It is a context itself, which
// saves the allocation of a context.WithValue.
type frame struct {
	context.Context
	scope      *Scope
	actor      *Actor // of a ContextWithActor nearer than the scope
	suppressed bool
	resolving  *Scope   // whose resolver runs with this context
	marked     []string // what a helper of this package cleaned in the event
}

type frameKey struct{}

// Value returns the frame for its own key and asks the parent for all others.
func (f *frame) Value(key any) any {
	if key == (frameKey{}) {
		return f
	}
	return f.Context.Value(key)
}

// frameOf returns what ctx carries, never nil.
func frameOf(ctx context.Context) *frame {
	if f, ok := ctx.Value(frameKey{}).(*frame); ok {
		return f
	}
	return &noFrame
}

// noFrame is read only.
var noFrame frame

// derive returns a frame around ctx that carries what ctx carries.
func derive(ctx context.Context) *frame {
	f := *frameOf(ctx)
	f.Context = ctx
	return &f
}

// ContextWithActor returns a context whose events are the actor's, unless they
// state their own or a scope is opened and given another. A zero actor states
// nothing.
func ContextWithActor(ctx context.Context, a Actor) context.Context {
	if a.IsZero() {
		return ctx
	}
	f := derive(ctx)
	a = a.Clone()
	f.actor = &a
	return f
}

// SuppressSignals returns a context whose signals are not recorded: Track
// returns nil for them and counts them. Intents are not affected.
func SuppressSignals(ctx context.Context) context.Context {
	f := derive(ctx)
	f.suppressed = true
	return f
}

// SignalsSuppressed reports whether ctx comes from SuppressSignals, for integrations
// that can spare themselves the making of a signal.
func SignalsSuppressed(ctx context.Context) bool { return frameOf(ctx).suppressed }

// ScopeFromContext returns the nearest scope, or nil. The methods of Scope may
// be called on nil.
func ScopeFromContext(ctx context.Context) *Scope {
	return frameOf(ctx).scope
}

// SetActor states the actor of the current scope, for authentication that runs
// after the scope was opened. It returns ErrNoScope where there is none.
func SetActor(ctx context.Context, a Actor) error {
	return ScopeFromContext(ctx).Set(WithActor(a))
}

// SetTarget states the target of the route intent that the current scope was
// opened for, once the handler knows it. It returns ErrNoScope where there is no
// scope.
func SetTarget(ctx context.Context, t Target) error {
	return ScopeFromContext(ctx).Set(func(o *scopeOptions) { o.target = &t })
}
