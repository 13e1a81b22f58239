package delivery

import (
	"context"
	"sync"
	"time"
)

// deadlines makes contexts with deadlines. Those that end at about the same time share
// one timer, because a timer for each call costs more than the call: the scheduler has
// to wake a thread that waits for it.
type deadlines struct {
	mu     sync.Mutex
	latest *deadline
}

// deadline is when a number of contexts end.
type deadline struct {
	at   time.Time
	done chan struct{}
}

// context returns one with the values of ctx, no cancellation from there, and a
// deadline after wait, or up to an eighth later.
func (d *deadlines) context(ctx context.Context, wait time.Duration) context.Context {
	least := time.Now().Add(wait)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.latest == nil || d.latest.at.Before(least) || d.latest.at.After(least.Add(wait/8)) {
		shared := &deadline{at: least.Add(wait / 8), done: make(chan struct{})}
		time.AfterFunc(wait+wait/8, func() { close(shared.done) })
		d.latest = shared
	}
	return &deadlineContext{Context: ctx, deadline: d.latest}
}

// deadlineContext is done when its deadline is.
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
