package request

import (
	"context"
	"log/slog"
)

// logError is the default error handler.
func logError(ctx context.Context, err error) {
	slog.ErrorContext(ctx, "audit: request not fully recorded", slog.String("error", err.Error()))
}
