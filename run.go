package audit

import (
	"context"
	"errors"
)

// Run calls fn in a new scope and ends the scope, also when fn panics. It returns fn's error
// unchanged; if End fails, it returns the errors of both, joined. After a panic of fn, Run ends the scope and panics again: with the same
// value or, if End failed too, with an [*EndPanicError].
func Run(ctx context.Context, fn func(context.Context) error, opts ...ScopeOption) error {
	inner, s := NewScope(ctx, opts...)
	return callThen(
		func() error { return fn(inner) },
		func(bool, error) error { return s.End(ctx) },
	)
}

// callThen calls fn and then end, also when fn panics or ends its goroutine: then returned
// is false. If end fails, callThen joins their errors. A panic of fn continues; if end
// failed too, its value is an *EndPanicError.
func callThen(fn func() error, end func(returned bool, err error) error) (err error) {
	returned := false
	defer func() {
		endErr := end(returned, err)
		switch {
		case endErr == nil:
			return // fn's error is unchanged; its panic, or the Goexit, continues
		case returned:
			err = errors.Join(err, endErr)
			return
		}
		if p := recover(); p != nil {
			panic(&EndPanicError{Value: p, Err: endErr})
		}
	}()
	err = fn()
	returned = true
	return err
}

// EndPanicError is the value with which [Run] and [Do] panic after the function panicked,
// if what they do after it failed too.
type EndPanicError struct {
	// Value is the value with which the function panicked.
	Value any
	// Err is the error of ending the scope or finishing the attempt.
	Err error
}

// Error describes the failure for logs. It does not show Value.
func (p *EndPanicError) Error() string {
	return "audit: a function panicked, and its scope or attempt ended with an error: " + p.Err.Error()
}

// Unwrap returns Err, and Value if that is an error.
func (p *EndPanicError) Unwrap() []error {
	if err, ok := p.Value.(error); ok {
		return []error{err, p.Err}
	}
	return []error{p.Err}
}
