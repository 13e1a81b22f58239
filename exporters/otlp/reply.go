package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// reply is the server's reply to a request that it processed.
type reply struct {
	rejected int64  // the number of rejected records
	message  string // the reason, or a warning
}

// ServerError is an error from the server, or from the connection to it.
type ServerError struct {
	// Status is the HTTP status, or zero.
	Status int
	// Code is the gRPC status code, or OK.
	Code codes.Code
	// Reason describes the error. It is not a text of the server.
	Reason string
	// Message is the message of the server. It may quote records, so Error does not
	// include it.
	Message string
	// Rejected reports that the server rejected the content of the request. If the
	// request had a single record, a retry does not help.
	Rejected bool
	// Err is the error of the connection, or nil.
	Err error

	tooLarge bool // the server may accept a smaller request
}

// Error returns the reason and the code. It contains no values of events.
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

// Unwrap returns Err.
func (e *ServerError) Unwrap() error { return e.Err }

// warnings reports the messages that servers send with a success.
type warnings struct {
	handle func(context.Context, string)
	logger *slog.Logger

	mu   sync.Mutex
	next time.Time // when the next one may be logged
}

// warningInterval is the shortest time between logged warnings. A server that warns usually
// does so in every reply.
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
		w.logger.WarnContext(ctx, "otlp: the server accepted all records with a warning; use otlp.WithWarningHandler to see it")
	}
}
