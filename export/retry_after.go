package export

import (
	"errors"
	"time"
)

// MaxRetryAfter is the longest delay that RetryAfter can request.
const MaxRetryAfter = 5 * time.Minute

// RetryAfter marks an export error with the delay that the sink requested, as in HTTP's
// Retry-After header. The caller waits at least d, or MaxRetryAfter if d is longer.
// ForceFlush and Shutdown do not wait. RetryAfter(nil, d) is nil. If d is not positive,
// RetryAfter returns err.
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

// RetryDelay returns the delay set by RetryAfter, or zero. For a *PartialError it returns
// the longest delay of its reasons.
func RetryDelay(err error) (longest time.Duration) {
	if partial, ok := errors.AsType[*PartialError](err); ok {
		for _, reason := range partial.Rejected {
			longest = max(longest, RetryDelay(reason))
		}
		return longest
	}
	if retry, ok := errors.AsType[*retryAfterError](err); ok {
		return retry.after
	}
	return 0
}
