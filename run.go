package audit

import (
	"context"
	"errors"
	"fmt"
)

// Run calls fn in a new scope and ends the scope, also when fn panics. It returns fn's error
// unchanged; if End fails, it returns the errors of both, joined. A panic of fn continues
// with the same value; then an error of End goes to the error handler of the provider that
// SetTrackerProvider has set.
func Run(ctx context.Context, fn func(context.Context) error, opts ...ScopeOption) error {
	inner, s := NewScope(ctx, opts...)
	return callThen(
		func() error { return fn(inner) },
		func(bool, error) error { return s.End(ctx) },
		func(err error) { reportTo(ctx, globalTracker, err) },
	)
}

// callThen calls fn and then end, also when fn panics or ends its goroutine: then returned
// is false. If end fails, callThen joins their errors. A panic of fn continues, and the error
// of end is reported.
func callThen(fn func() error, end func(returned bool, err error) error, report func(error)) (err error) {
	returned := false
	defer func() {
		endErr := end(returned, err)
		switch {
		case endErr == nil: // fn's error is unchanged
		case returned:
			err = errors.Join(err, endErr)
		default:
			report(fmt.Errorf("audit: a function panicked or ended its goroutine, and its scope or attempt ended with an error: %w", endErr))
		}
	}()
	err = fn()
	returned = true
	return err
}
