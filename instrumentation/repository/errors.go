package auditrepo

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/panics"
)

// TrackError reports that the record of a call is missing or incomplete, or that the
// store was not called because the call could not have been recorded. If the store
// failed too, the returned error joins the store's error and the TrackError.
type TrackError struct {
	// Done reports whether the store call succeeded. Do not repeat the call then; use
	// Retry to record it.
	Done bool
	// Err is the cause: the error of Track, of ending the call's own scope, or of a
	// function in Config. It matches audit.ErrNoActor if the call has no actor, and
	// sdk.ErrDropped if a processor of the provider dropped the event.
	Err error

	called bool // the store was called
	retry  func(context.Context) error
}

// Error says whether the store was called and succeeded, then the cause.
func (e *TrackError) Error() string {
	what := "auditrepo: the store was not called, because the call could not be recorded: "
	switch {
	case e.Done:
		what = "auditrepo: the store call succeeded, do not repeat it, but its record is missing or incomplete: "
	case e.called:
		what = "auditrepo: the store call failed, and its record is missing or incomplete: "
	}
	return what + e.Err.Error()
}

// Unwrap returns Err.
func (e *TrackError) Unwrap() error { return e.Err }

// Retry tracks the same event again, with the same ID. It does not call the store. If
// there is nothing to track, because the event was recorded or the store was not called,
// Retry returns Err.
func (e *TrackError) Retry(ctx context.Context) error {
	if e.retry == nil {
		return e.Err
	}
	return e.retry(ctx)
}

// panicError describes a panic of a function in Config without showing data.
func panicError(p any) error {
	return fmt.Errorf("auditrepo: a function of Config: %w", panics.Error(p))
}

// invalidAction is the error of an event without a valid action and operation.
func invalidAction() error {
	return &audit.ValidationError{Field: "action", Reason: "set an action such as article.publish, or a valid operation"}
}
