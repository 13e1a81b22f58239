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
	ErrNoActor = errors.New("audit: no actor; state one in the event, in the scope or with audit.ContextWithActor")
	// ErrAnonymousNotAllowed means that the actor is anonymous and the provider
	// does not allow that for the action.
	ErrAnonymousNotAllowed = errors.New("audit: anonymous is not allowed for this action; allow it with sdk.WithAnonymous or state an actor")
	// ErrNoScope means that the context has no scope.
	ErrNoScope = errors.New("audit: the context has no scope; open one with audit.NewScope, audit.Run or a middleware")
	// ErrDropped means that a processor decided not to record the event.
	ErrDropped = errors.New("audit: a processor dropped the record")
	// ErrShutdown means that the provider was shut down: nothing was recorded.
	ErrShutdown = errors.New("audit: the tracker provider is shut down")
	// ErrQueueFull means that a batcher's queue stayed full for the track timeout.
	ErrQueueFull = errors.New("audit: the export queue stayed full for the track timeout")
	// ErrLedgerFull means that a ledger stayed at its size limit for the track
	// timeout.
	ErrLedgerFull = errors.New("audit: the ledger stayed full for the track timeout")
	// ErrMaybeStored means that it is not known whether the record was stored. Try
	// again with the same ID.
	ErrMaybeStored = errors.New("audit: the record may or may not be stored; try again with the same id")
)

// ValidationError says what is wrong with an event. It carries no values.
type ValidationError struct {
	// Field is the path of the field, e.g. "target.type".
	Field string
	// Reason is what is wrong with it and what would be right.
	Reason string
}

// Error returns a sentence for logs.
func (e *ValidationError) Error() string {
	return "audit: " + e.Field + ": " + e.Reason
}

// DeliveryError says which deliveries have the record, by exporter name, when
// not all of them do.
type DeliveryError struct {
	// ID is the record's, to be passed again when the caller tries again.
	ID ID
	// Stored have the record.
	Stored []string
	// Failed do not have it.
	Failed []string
	// Unknown may have it. errors.Is(err, ErrMaybeStored) holds where this is not
	// empty.
	Unknown []string
	// Err is why, joined over all that failed.
	Err error
}

// Error returns a sentence for logs.
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

// Is matches ErrMaybeStored where some delivery may have the record.
func (e *DeliveryError) Is(target error) bool {
	return target == ErrMaybeStored && len(e.Unknown) > 0
}
