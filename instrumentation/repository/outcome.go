package auditrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
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
