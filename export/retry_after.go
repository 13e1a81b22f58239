package export

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

// RetryDelay returns how long err asks to wait, or zero. It returns the longest delay
// of a *PartialError.
func RetryDelay(err error) (most time.Duration) {
	if partial, is := errors.AsType[*PartialError](err); is {
		for _, reason := range partial.Rejected {
			most = max(most, RetryDelay(reason))
		}
		return most
	}
	if asked, is := errors.AsType[*retryAfterError](err); is {
		return asked.after
	}
	return 0
}
