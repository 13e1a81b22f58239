package erasure

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// budget limits how many keys are made in an hour for what anybody can cause.
type budget struct {
	limit int

	mu    sync.Mutex
	since time.Time
	used  int
}

// take takes a key from the budget. Last is true once an hour, for the first one that is not there.
func (b *budget) take(now time.Time) (ok, last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.since) >= time.Hour {
		b.since, b.used = now, 0
	}
	b.used++
	return b.used <= b.limit, b.used == b.limit+1
}

// takeOpen reports whether a key may be made for what anybody can cause.
func (v *Vault) takeOpen() bool {
	ok, last := v.open.take(time.Now())
	if last {
		v.logger.LogAttrs(context.Background(), slog.LevelWarn,
			"audit: denials and anonymous actors name many subjects; values of those without a key are masked for the rest of the hour",
			slog.Int("keys", v.open.limit))
	}
	return ok
}
