// Package frame has the key under which package audit keeps its one value in a context. The
// value is a context.Context: the one that was returned when an actor was set or a scope was
// opened. Instrumentation can ask it what it comes from.
package frame

import "context"

// Key is the key of the value.
type Key struct{}

// Of returns the value in ctx, or nil.
func Of(ctx context.Context) context.Context {
	f, _ := ctx.Value(Key{}).(context.Context)
	return f
}
