package auditrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// The metadata that this package adds to events.
const (
	// ErrorTypeKey is the Go type of the error that a call failed with, as
	// OpenTelemetry's conventions name it. The error's text is not recorded: it may
	// hold values. "context.Canceled" and "context.DeadlineExceeded" stand for
	// themselves, and "aborted" says that the store did not return: it panicked, or
	// ended its goroutine.
	ErrorTypeKey = attribute.Key("error.type")
	// BeforeUnknownKey says that it is not known what the target was before, so that
	// no old value in the changes does not mean that there was none. Its value is the
	// type of the error that reading it gave, "not copied" where Config.Clone failed, or
	// "not stated".
	BeforeUnknownKey = attribute.Key("repository.before_unknown")
)

// aborted is the type of the error of a call that did not return.
const aborted = "aborted"

// isPermission is the default of Config.Denied.
func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }

// errorType returns the type of the outermost error in the chain that says more than
// that it is one.
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
