package otlp

import (
	"fmt"

	"google.golang.org/grpc/codes"
)

// ServerError is an error from the server, or from the connection to it.
type ServerError struct {
	// Status is the HTTP status, or zero.
	Status int
	// Code is the gRPC status code, or OK.
	Code codes.Code
	// Reason describes the error. It is not a text of the server.
	Reason string
	// Message is the message of the server. It may quote records, so Error does not
	// include it.
	Message string
	// Rejected reports that the server rejected the content of the request. If the
	// request had a single record, a retry does not help.
	Rejected bool
	// Err is the error of the connection, or nil.
	Err error

	tooLarge bool // the server may accept a smaller request
}

// Error returns the reason and the code. It contains no values of events.
func (e *ServerError) Error() string {
	text := "otlp: " + e.Reason
	switch {
	case e.Status != 0:
		text += fmt.Sprintf(" (status %d)", e.Status)
	case e.Code != codes.OK:
		text += fmt.Sprintf(" (code %s)", e.Code)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *ServerError) Unwrap() error { return e.Err }
