package mongodb

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// ServerError is an error from the server, or from the connection to it.
type ServerError struct {
	// Code is the server's error code, or zero if there was no reply.
	Code int
	// Name is the server's name for the code, or empty.
	Name string
	// Err is the driver's error. A reply may quote the document that was sent, so Error
	// does not include its text.
	Err error
}

// Error returns the code and its name, or the error of the connection. It contains no
// values of events.
func (e *ServerError) Error() string {
	switch {
	case e.Code == 0:
		return "mongodb: " + e.Err.Error()
	case e.Name == "":
		return fmt.Sprintf("mongodb: server error %d", e.Code)
	}
	return fmt.Sprintf("mongodb: server error %d, %s", e.Code, e.Name)
}

// Unwrap returns the driver's error.
func (e *ServerError) Unwrap() error { return e.Err }

// ConflictError reports that a different record with the same ID is stored. It is
// permanent: the new record is not stored.
type ConflictError struct{ ID audit.ID }

// Error returns the ID and the possible causes.
func (e *ConflictError) Error() string {
	return "mongodb: a different record with ID " + e.ID.String() + " is stored: one of them was altered, or the ID was used twice"
}

// MongoDB error codes, from its error_codes.yml.
const (
	codeBadValue          = 2
	codeUnauthorized      = 13
	codeAuthFailed        = 18
	codeNamespaceNotFound = 26
	codeDuplicateKey      = 11000
)

// permanentCodes are the error codes of a whole command that a retry cannot fix. All other
// codes are retried: a record that is retried too often gets noticed, and is not lost.
var permanentCodes = []int{
	codeBadValue,
	9,     // FailedToParse
	14,    // TypeMismatch
	22,    // InvalidBSON
	52,    // DollarPrefixedFieldName
	57,    // DottedFieldName
	59,    // CommandNotFound
	72,    // InvalidOptions
	73,    // InvalidNamespace
	121,   // DocumentValidationFailure
	166,   // CommandNotSupportedOnView
	238,   // NotImplemented
	10334, // BSONObjectTooLarge
	17420, // the document is larger than the server accepts
}

// temporaryCodes are the error codes of a single document whose cause is not the document.
var temporaryCodes = []int{
	6, 7, 89, 91, 189, 262, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436, // the server is unavailable or stepping down
	24, 46, 50, 112, 146, 202, 225, 290, 14031, // the server is out of locks, time, memory or disk
	64, 79, 100, // the write concern cannot be met
}

// serverError wraps an error of the driver.
func serverError(err error) error {
	wrapped := &ServerError{Err: err}
	if codes := mongo.ErrorCodes(err); len(codes) > 0 {
		wrapped.Code = codes[0]
	}
	if command, ok := errors.AsType[mongo.CommandError](err); ok {
		wrapped.Name = command.Name
	}
	return wrapped
}

// commandError wraps the error of a whole command and marks it if it is permanent.
func commandError(err error) error {
	wrapped := serverError(err)
	if isPermanent(err) {
		return export.Permanent(wrapped)
	}
	return wrapped
}

// isPermanent reports whether the server rejected a whole command and would do so again.
func isPermanent(err error) bool {
	if _, ok := errors.AsType[mongo.CommandError](err); !ok || mongo.IsNetworkError(err) || mongo.IsTimeout(err) {
		return false
	}
	return slices.ContainsFunc(mongo.ErrorCodes(err), func(code int) bool { return slices.Contains(permanentCodes, code) })
}

// documentError wraps the error of a single document. Unless the code is known to be
// temporary, the error is permanent: the record becomes a dead letter, and the others
// are stored.
func documentError(e mongo.WriteError) error {
	wrapped := &ServerError{Code: e.Code, Err: e}
	if slices.Contains(temporaryCodes, e.Code) {
		return wrapped
	}
	return export.Permanent(wrapped)
}
