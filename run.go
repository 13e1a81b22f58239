package audit

import (
	"context"

	"github.com/opendeed/audit/internal/bracket"
)

// Run calls fn in a new scope and ends the scope, also when fn panics. It returns fn's error
// unchanged; if End fails, it returns the errors of both, joined. A panic of fn continues
// with the same value; then an error of End goes to the error handler of the provider that
// SetTrackerProvider has set.
func Run(ctx context.Context, fn func(context.Context) error, opts ...ScopeOption) error {
	inner, s := NewScope(ctx, opts...)
	return bracket.Call(
		func() error { return fn(inner) },
		func(bool, error) error { return s.End(ctx) },
		func(err error) { reportTo(ctx, globalTracker, err) },
	)
}
