package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// answer is what a server says of a request that it took.
type answer struct {
	rejected int64  // how many of the records it did not take
	message  string // why, or a warning
}

// ServerError is what a server answered, or what went wrong on the way to it.
type ServerError struct {
	// Status is that of HTTP, or zero.
	Status int
	// Code is that of gRPC, or OK.
	Code codes.Code
	// Reason is what is wrong, in our words.
	Reason string
	// Message is what the server says. It may quote what it was sent, which is why
	// Error does not show it.
	Message string
	// Refused says that the server does not want what was in the request. Where the
	// error is about a single record, trying again does not help.
	Refused bool
	// Err is what went wrong on the way, or nil.
	Err error

	tooMuch bool // it may take less at a time
}

// Error returns a sentence for logs. It has no values of events.
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

// Unwrap returns what went wrong on the way.
func (e *ServerError) Unwrap() error { return e.Err }

// warnings reports what servers say together with a success.
type warnings struct {
	handle func(context.Context, string)
	logger *slog.Logger

	mu   sync.Mutex
	next time.Time // when the next one is logged
}

// warningInterval is how often a warning is logged at most, since a server that warns
// does so in every answer.
const warningInterval = time.Minute

func (w *warnings) report(ctx context.Context, text string) {
	if text == "" {
		return
	}
	if w.handle != nil {
		w.handle(ctx, text)
		return
	}
	w.mu.Lock()
	now := time.Now()
	due := now.After(w.next)
	if due {
		w.next = now.Add(warningInterval)
	}
	w.mu.Unlock()
	if due {
		w.logger.WarnContext(ctx, "audit: the server of OTLP took all records and sent a warning; otlp.WithWarningHandler shows it")
	}
}
