package delivery

import (
	"context"
	"sync"
	"time"
)

// deadlines creates contexts with deadlines. Contexts that end at about the same time
// share one timer. A timer for each call would cost more than the call, because the
// scheduler has to wake a thread that waits for it.
type deadlines struct {
	mu     sync.Mutex
	latest *deadline
}

// deadline is the shared end of several contexts.
type deadline struct {
	at   time.Time
	done chan struct{}
}

// context returns a context with the values of ctx and no cancellation from it. It ends
// after wait, or up to an eighth of wait later.
func (d *deadlines) context(ctx context.Context, wait time.Duration) context.Context {
	earliest := time.Now().Add(wait)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.latest == nil || d.latest.at.Before(earliest) || d.latest.at.After(earliest.Add(wait/8)) {
		shared := &deadline{at: earliest.Add(wait / 8), done: make(chan struct{})}
		time.AfterFunc(wait+wait/8, func() { close(shared.done) })
		d.latest = shared
	}
	return &deadlineContext{Context: ctx, deadline: d.latest}
}

// deadlineContext is done when its deadline has passed.
type deadlineContext struct {
	context.Context
	deadline *deadline
}

func (c *deadlineContext) Deadline() (time.Time, bool) { return c.deadline.at, true }

func (c *deadlineContext) Done() <-chan struct{} { return c.deadline.done }

func (c *deadlineContext) Err() error {
	select {
	case <-c.deadline.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
