package request

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/opendeed/audit"
)

// logError is the default error handler.
func logError(ctx context.Context, err error) {
	slog.ErrorContext(ctx, "audit: request not fully recorded", slog.String("error", describeError(err)))
}

// describeError returns the text of err. The text of an actor function's error is the
// application's and may contain credentials, so only its type is shown.
func describeError(err error) string {
	if unresolved, ok := errors.AsType[*audit.ActorError](err); ok {
		return fmt.Sprintf("audit: the actor function failed with a %T", unresolved.Err)
	}
	return err.Error()
}
