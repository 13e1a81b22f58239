// Package errortype names the types of errors for records and logs, which must not contain
// the texts of the application's errors.
package errortype

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Aborted stands for the error of a call that did not return.
const Aborted = "aborted"

// Of returns the type of the outermost error in the chain that is not one of the generic
// types of fmt and errors. For the errors of contexts it returns their names, such as
// "context.Canceled".
func Of(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "context.Canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "context.DeadlineExceeded"
	}
	for next := err; next != nil; next = errors.Unwrap(next) {
		name := fmt.Sprintf("%T", next)
		if !strings.HasPrefix(name, "*fmt.") && !strings.HasPrefix(name, "*errors.") {
			return name
		}
	}
	return fmt.Sprintf("%T", err)
}

// OwnError is an error whose text is this project's, and shows no value.
type OwnError string

// Error returns the text.
func (e OwnError) Error() string { return string(e) }

// Failed says that something failed with err: "failed: " and the text of an OwnError, or
// "failed with a " and the type of any other.
func Failed(err error) string {
	if own, ok := err.(OwnError); ok { //nolint:errorlint // an error that wraps one has another text
		return "failed: " + string(own)
	}
	return "failed with a " + Of(err)
}
