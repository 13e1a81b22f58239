package sdk

import (
	"errors"
	"time"
)

// MaxRetryAfter is the longest pause that RetryAfter can ask for.
const MaxRetryAfter = 5 * time.Minute

// RetryAfter marks an export error of a sink that asks to be left alone for a while, as
// HTTP's Retry-After does: the next attempt comes no sooner than that, or than
// MaxRetryAfter, unless ForceFlush or Shutdown is in a hurry. nil stays nil. A duration
// that is not positive asks for nothing.
func RetryAfter(err error, d time.Duration) error {
	if err == nil || d <= 0 {
		return err
	}
	return &retryAfterError{err: err, after: min(d, MaxRetryAfter)}
}

type retryAfterError struct {
	err   error
	after time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// retryAfter returns how long the sink asks to be left alone, at the most where it says
// so of several records.
func retryAfter(err error) (most time.Duration) {
	if partial, is := errors.AsType[*PartialError](err); is {
		for _, reason := range partial.Rejected {
			most = max(most, retryAfter(reason))
		}
		return most
	}
	if asked, is := errors.AsType[*retryAfterError](err); is {
		return asked.after
	}
	return 0
}
