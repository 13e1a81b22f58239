package mongodb

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// ServerError is what a server answered, or what went wrong on the way to it.
type ServerError struct {
	// Code is the server's code, or zero where it did not answer.
	Code int
	// Name is what the server calls the code, where it does.
	Name string
	// Err is the driver's error. It may quote what the server was sent, which is why
	// Error does not show that of an answer.
	Err error
}

// Error returns a sentence for logs. It has no values of events.
func (e *ServerError) Error() string {
	switch {
	case e.Code == 0:
		return "mongodb: " + e.Err.Error()
	case e.Name == "":
		return fmt.Sprintf("mongodb: the server answered with code %d", e.Code)
	}
	return fmt.Sprintf("mongodb: the server answered with code %d, %s", e.Code, e.Name)
}

// Unwrap returns the driver's error.
func (e *ServerError) Unwrap() error { return e.Err }

// ConflictError says that the collection has another record of the same ID. It is
// permanent: the newer one is not stored.
type ConflictError struct{ ID audit.ID }

// Error returns a sentence for logs.
func (e *ConflictError) Error() string {
	return "mongodb: another record of the ID " + e.ID.String() + " is stored: either this record or that one was altered, or the ID was used twice"
}

// Codes of MongoDB's answers, as its source file error_codes.yml names them.
const (
	codeBadValue          = 2
	codeUnauthorized      = 13
	codeAuthFailed        = 18
	codeNamespaceNotFound = 26
	codeDuplicateKey      = 11000
)

// hopeless are the codes of answers to a whole command that trying again does not
// mend. All others are taken for such that it may: a record that is tried too often is
// noticed, and is not lost.
var hopeless = []int{
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
	17420, // the document is larger than the server takes
}

// passing are the codes of answers about one document that say nothing of it.
var passing = []int{
	6, 7, 89, 91, 189, 262, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436, // the server is going or away
	24, 46, 50, 112, 146, 202, 225, 290, 14031, // it is short of locks, time, memory or disk
	64, 79, 100, // it cannot fulfil the write concern
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

// commandError wraps the error of a whole command, and marks it if it is permanent.
func commandError(err error) error {
	wrapped := serverError(err)
	if isHopeless(err) {
		return export.Permanent(wrapped)
	}
	return wrapped
}

func isHopeless(err error) bool {
	if _, ok := errors.AsType[mongo.CommandError](err); !ok || mongo.IsNetworkError(err) || mongo.IsTimeout(err) {
		return false
	}
	return slices.ContainsFunc(mongo.ErrorCodes(err), func(code int) bool { return slices.Contains(hopeless, code) })
}

// documentError wraps the answer about one document. What is not known to pass is
// taken for a refusal: the record goes to the dead letters, with the code, and the
// others go on.
func documentError(e mongo.WriteError) error {
	wrapped := &ServerError{Code: e.Code, Err: e}
	if slices.Contains(passing, e.Code) {
		return wrapped
	}
	return export.Permanent(wrapped)
}
