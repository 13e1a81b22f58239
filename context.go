package audit

import (
	"context"

	framekey "github.com/opendeed/audit/internal/frame"
)

// frame is the only value that this package keeps in a context, so that a Track call
// finds everything with one lookup. It is a context itself, which saves the allocation of
// context.WithValue.
type frame struct {
	context.Context
	scope      *Scope
	actor      *Actor // of a ContextWithActor inside the scope
	finishing  ID     // the attempt that Attempt.Finish tracks
	suppressed bool
	afterwards bool // see plumbing.Afterwards
}

type frameKey = framekey.Key

// Value returns the frame for its own key and asks the parent for all others.
func (f *frame) Value(key any) any {
	if key == (frameKey{}) {
		return f
	}
	return f.Context.Value(key)
}

// frameOf returns the frame of ctx, never nil.
func frameOf(ctx context.Context) *frame {
	if f, ok := ctx.Value(frameKey{}).(*frame); ok {
		return f
	}
	return &noFrame
}

// noFrame is read-only.
var noFrame frame

// derive returns a copy of the frame of ctx, as a child of ctx.
func derive(ctx context.Context) *frame {
	f := *frameOf(ctx)
	f.Context = ctx
	return &f
}

// ContextWithActor returns a context whose events have the actor a, unless an event or an
// inner scope has its own. If a is zero it returns ctx.
func ContextWithActor(ctx context.Context, a Actor) context.Context {
	if a.IsZero() {
		return ctx
	}
	f := derive(ctx)
	a = a.Clone()
	f.actor = &a
	return f
}

// SuppressSignals returns a context whose signals are not recorded: Track counts them and
// returns nil. It does not affect intents.
func SuppressSignals(ctx context.Context) context.Context {
	f := derive(ctx)
	f.suppressed = true
	return f
}

// ScopeFromContext returns the nearest scope, or nil, on which the methods of Scope may be
// called.
func ScopeFromContext(ctx context.Context) *Scope {
	return frameOf(ctx).scope
}

// SetActor sets the actor of the nearest scope, for authentication that runs after the
// scope was opened. It returns ErrNoScope if ctx has no scope.
func SetActor(ctx context.Context, a Actor) error {
	return ScopeFromContext(ctx).Set(AsActor(a))
}
