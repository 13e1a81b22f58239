package audit

import (
	"errors"
	"strings"
)

// The errors of Track, Set and End. Test for them with errors.Is.
var (
	// ErrNoProvider means that no TrackerProvider was set: nothing was recorded.
	ErrNoProvider = errors.New("audit: no tracker provider is set; call audit.SetTrackerProvider when the program starts")
	// ErrNoActor means that neither the event nor its context has an actor.
	ErrNoActor = errors.New("audit: no actor; set one in the event, in the scope or with audit.ContextWithActor")
	// ErrScopeEnded means that the scope has ended: it can't be changed any more.
	ErrScopeEnded = errors.New("audit: the scope has ended; change it before End")
	// ErrNoScope means that the context has no scope.
	ErrNoScope = errors.New("audit: the context has no scope; open one with audit.NewScope, audit.Run or a middleware")
	// ErrShutdown means that the provider was shut down: nothing was recorded.
	ErrShutdown = errors.New("audit: the tracker provider is shut down")
	// ErrFull means that there was no room for the record within the track timeout: a
	// batcher's queue, or a ledger at its size limit, stayed full.
	ErrFull = errors.New("audit: the queue or the ledger stayed full for the track timeout")
	// ErrMaybeStored means that the record may have been stored. Try again with the same
	// ID.
	ErrMaybeStored = errors.New("audit: the record may or may not be stored; try again with the same id")
)

// ValidationError reports what is wrong with an event. It never contains a value.
type ValidationError struct {
	// Field is the path of the field, e.g. "target.type".
	Field string
	// Reason says what is wrong with the field and what would be right.
	Reason string
}

// Error describes the problem for logs.
func (e *ValidationError) Error() string {
	return "audit: " + e.Field + ": " + e.Reason
}

// DeliveryError reports that not every delivery has the record. It names deliveries by
// their exporter or ledger.
type DeliveryError struct {
	// ID is the record's. Pass it again to try again.
	ID ID
	// Stored names the deliveries that have the record.
	Stored []string
	// Failed names the deliveries that do not have it.
	Failed []string
	// Unknown names the deliveries that may have it. If there are any,
	// errors.Is(err, ErrMaybeStored) is true.
	Unknown []string
	// Err joins the causes.
	Err error
}

// Error describes the failure for logs.
func (e *DeliveryError) Error() string {
	var b strings.Builder
	b.WriteString("audit: record ")
	b.WriteString(e.ID.String())
	list := func(word string, names []string) {
		if len(names) > 0 {
			b.WriteString(word)
			b.WriteString(strings.Join(names, ", "))
		}
	}
	list("; not stored by ", e.Failed)
	list("; perhaps stored by ", e.Unknown)
	list("; stored by ", e.Stored)
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the causes.
func (e *DeliveryError) Unwrap() error { return e.Err }

// Is reports whether target is ErrMaybeStored and a delivery may have the record.
func (e *DeliveryError) Is(target error) bool {
	return target == ErrMaybeStored && len(e.Unknown) > 0
}
