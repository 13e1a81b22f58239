package sdk

import "errors"

// ErrDropped is the error of Track if a processor did not pass the record on.
var ErrDropped = errors.New("audit: a processor dropped the record")

// ProcessorError says what a processor did wrong.
type ProcessorError struct {
	// Processor is the type of the processor.
	Processor string
	// Delivered says that the record was delivered before that, so that trying
	// again, with another ID, would record the event twice.
	Delivered bool
	// Err is what went wrong.
	Err error
}

// Error returns a sentence for logs.
func (e *ProcessorError) Error() string {
	text := "sdk: processor " + e.Processor + ": " + e.Err.Error()
	if e.Delivered {
		text += " (the record was delivered)"
	}
	return text
}

// Unwrap returns what went wrong.
func (e *ProcessorError) Unwrap() error { return e.Err }
