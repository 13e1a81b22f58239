package audithttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/opendeed/audit"
)

// fail hands over an error that no caller can get any more.
func (x *exchange) fail(err error) {
	handle := x.errorHandler
	if handle == nil {
		handle = logError
	}
	handle(context.WithoutCancel(x.Context), err)
}

// logError is the error handler where there is no other.
func logError(ctx context.Context, err error) {
	slog.ErrorContext(ctx, "audit: a request was not recorded in full", slog.String("error", describeError(err)))
}

// describeError returns err's text. That of an actor function is the
// application's and may show credentials: only its type is told.
func describeError(err error) string {
	if unresolved, ok := errors.AsType[*audit.ActorError](err); ok {
		return fmt.Sprintf("audit: the actor's resolver failed with a %T", unresolved.Err)
	}
	return err.Error()
}
