package delivery

import (
	"context"
	"sync"
	"time"
)

// boundedContext has the values of Track's context, a deadline, and no cancellation from
// that context. Unlike context.WithDeadline it starts a timer only when Done is called,
// which exporters hardly ever do.
type boundedContext struct {
	values   context.Context
	deadline time.Time

	mu    sync.Mutex
	done  chan struct{} // created by Done, together with the timer
	timer *time.Timer
	err   error
}

var _ context.Context = (*boundedContext)(nil)

func (c *boundedContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *boundedContext) Value(key any) any { return c.values.Value(key) }

func (c *boundedContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		} else {
			c.timer = time.AfterFunc(time.Until(c.deadline), func() { c.cancel(context.DeadlineExceeded) })
		}
	}
	return c.done
}

func (c *boundedContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !time.Now().Before(c.deadline) {
		c.end(context.DeadlineExceeded)
	}
	return c.err
}

// cancel ends the context. Only the first call has an effect.
func (c *boundedContext) cancel(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(err)
}

// end is cancel with mu held.
func (c *boundedContext) end(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	if c.done != nil {
		c.timer.Stop()
		close(c.done)
	}
}
