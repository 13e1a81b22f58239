package auditrepo

import (
	"context"
	"fmt"
	"runtime"

	"github.com/opendeed/audit"
)

// TrackError says that the record of a call is missing or not complete, or that the
// call was not made because it could not have been recorded. Where the store failed
// too, the error that is returned joins both; without a TrackError, it is the store's
// own.
type TrackError struct {
	// Done says that the store has done its work. Whoever tries again does it twice.
	Done bool
	// Err is why: the error of Track, of the end of the call's own scope, or of what
	// Config has set. It is audit.ErrNoActor where there is no actor, and
	// audit.ErrDropped where a processor of the provider decided not to record it.
	Err error

	called bool // the store was
	retry  func(context.Context) error
}

// Error returns a sentence for logs.
func (e *TrackError) Error() string {
	what := "auditrepo: the store was not called, because the call could not be recorded: "
	switch {
	case e.Done:
		what = "auditrepo: the store has done it, do not repeat it, but the record is missing or incomplete: "
	case e.called:
		what = "auditrepo: the store failed, and the record of that is missing or incomplete: "
	}
	return what + e.Err.Error()
}

// Unwrap returns the causes.
func (e *TrackError) Unwrap() error { return e.Err }

// Retry tracks the same event once more, under the same ID, and leaves the store alone.
// ctx may have the actor that was missing. Where the event was recorded, or the store
// was not called, there is nothing to try again: Retry returns Err.
func (e *TrackError) Retry(ctx context.Context) error {
	if e.retry == nil {
		return e.Err
	}
	return e.retry(ctx)
}

// panicError describes what a function of the application panicked with. The value may
// hold anything; its type and a runtime error do not.
func panicError(p any) error {
	if err, ok := p.(runtime.Error); ok {
		return fmt.Errorf("auditrepo: a function of Config panicked: %w", err)
	}
	return fmt.Errorf("auditrepo: a function of Config panicked with a %T", p)
}

// badAction is what is wrong with an event that has neither a good action nor an
// operation to make one of.
func badAction() error {
	return &audit.ValidationError{Field: "action", Reason: "state an action such as article.publish, or an operation"}
}
