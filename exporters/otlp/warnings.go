package otlp

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

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
