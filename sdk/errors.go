package sdk

import (
	"errors"

	"github.com/opendeed/audit"
)

// ErrDropped is the error of Track if a processor dropped the record.
var ErrDropped = errors.New("audit: a processor dropped the record")

// ProcessorError reports a processor that failed or broke its contract.
type ProcessorError struct {
	// Processor is the type of the processor.
	Processor string
	// Delivered is true if the record was delivered nevertheless. Tracking the event
	// again, with another ID, would record it twice.
	Delivered bool
	// Err is the cause.
	Err error
}

// Error returns a text for logs.
func (e *ProcessorError) Error() string {
	text := "sdk: processor " + e.Processor + ": " + e.Err.Error()
	if e.Delivered {
		text += " (the record was delivered)"
	}
	return text
}

// Unwrap returns the cause.
func (e *ProcessorError) Unwrap() error { return e.Err }

// dropError is ErrDropped with the processor's name.
type dropError struct{ processor string }

func (e *dropError) Error() string { return ErrDropped.Error() + ": " + e.processor }
func (e *dropError) Unwrap() error { return ErrDropped }

// invalid returns the error of a field.
func invalid(field, reason string) error {
	return &audit.ValidationError{Field: field, Reason: reason}
}
