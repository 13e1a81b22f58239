package auditrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// Metadata keys that this package adds to events.
const (
	// ErrorTypeKey is the Go type of the error that a call failed with, under the name
	// of OpenTelemetry's conventions. The error's text is not recorded, because it may
	// hold values. The value is "context.Canceled" or "context.DeadlineExceeded" for
	// these errors, and "aborted" if the store panicked or ended its goroutine.
	ErrorTypeKey = attribute.Key("error.type")
	// BeforeUnknownKey marks a record whose target had an unknown value before the
	// write: a change without an old value does not mean that the field was empty. The
	// value is the Go type of the error that Get returned, "not copied" if Config.Clone
	// or the diff failed, or "not set" if Do's function did not set the value.
	BeforeUnknownKey = attribute.Key("repository.before_unknown")
)

// aborted is the error type of a call that did not return.
const aborted = "aborted"

// isPermission is the default of Config.Denied.
func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }

// errorType returns the type of the outermost error in the chain that is not one of the
// generic types of fmt and errors.
func errorType(err error) string {
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
