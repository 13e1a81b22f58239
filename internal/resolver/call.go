package resolver

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/opendeed/audit/internal/panics"
)

// call is a running call of a function, for which several events may wait.
type call[A any] struct {
	done  chan struct{} // closed when actor and err are set
	from  *A            // of a principal function: the actor that it gets
	find  Func[A]
	keep  func(*A) // stores the result, which may be nil; the Resolver's mutex is held
	actor *A
	err   error

	late atomic.Bool // somebody has waited in vain
}

// await waits for the result.
func (r *Resolver[A]) await(c *call[A], q Query) (*A, error) {
	wait := q.Wait
	if q.Signal && c.late.Load() {
		wait = 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-c.done:
		return c.actor, c.err
	case <-timer.C:
		if c.late.CompareAndSwap(false, true) {
			r.hung.Add(1)
		}
		return nil, errHangs
	}
}

// run calls the function on its own goroutine, since it may ignore its context.
func (r *Resolver[A]) run(ctx context.Context, wait time.Duration, c *call[A]) {
	// A function that respects its context returns before the event stops waiting.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait-wait/10)
	defer cancel()
	actor, err := c.run(within(bounded, r))
	switch {
	case err != nil:
		c.err = err
	case !actor.IsZero():
		actor = actor.Clone()
		c.actor = &actor
	}

	r.mu.Lock()
	r.running = nil
	if c.from == nil {
		r.inherits = errors.Is(c.err, ErrInherit)
	}
	switch {
	case r.closed: // what was read may have been another request's
		c.actor, c.err = nil, errLate
	case c.err == nil:
		c.keep(c.actor)
	}
	r.mu.Unlock()
	close(c.done)
}

// run calls the function. A panic becomes an error.
func (c *call[A]) run(ctx context.Context) (a A, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panics.Error(p)
		}
	}()
	return c.find(ctx)
}

// callKey is the key of the *caller in the context of a function.
type callKey struct{}

// caller is a Resolver whose function runs, and the one whose function called that.
type caller struct {
	resolver any
	outer    *caller
}

// within returns the context of a function of r.
func within(ctx context.Context, r any) context.Context {
	outer, _ := ctx.Value(callKey{}).(*caller)
	return context.WithValue(ctx, callKey{}, &caller{r, outer})
}

// isRunningIn reports whether a function of the Resolver called the code that has ctx.
func (r *Resolver[A]) isRunningIn(ctx context.Context) bool {
	c, _ := ctx.Value(callKey{}).(*caller)
	for ; c != nil; c = c.outer {
		if c.resolver == r {
			return true
		}
	}
	return false
}
