package auditmongo

import (
	"context"
	"fmt"
	"sync"

	"github.com/opendeed/audit"
)

// signal is an event that is to be tracked under the context of its write.
type signal struct {
	ctx   context.Context
	write *write
	event audit.Event
	done  func() // lets the scope end
}

// queue hands signals to the goroutine that tracks them.
type queue struct {
	mu      sync.Mutex // guards closed, and sending against closing
	closed  bool
	signals chan signal
	stopped chan struct{} // closed when the goroutine has ended
}

// newQueue starts the goroutine, which shutdown ends.
func newQueue(size int, track func(signal)) *queue {
	q := &queue{signals: make(chan signal, size), stopped: make(chan struct{})}
	go func() {
		defer close(q.stopped)
		for s := range q.signals {
			track(s)
		}
	}()
	return q
}

// put never waits.
func (q *queue) put(s signal) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return audit.ErrShutdown
	}
	select {
	case q.signals <- s:
		return nil
	default:
		return ErrQueueFull
	}
}

// shutdown takes no more signals and waits until those that are there were tracked.
// If ctx ends before that, it gives up the rest.
func (q *queue) shutdown(ctx context.Context, giveUp func(signal)) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.signals)
	}
	q.mu.Unlock()

	select {
	case <-q.stopped:
		return nil
	default:
	}
	select {
	case <-q.stopped:
		return nil
	case <-ctx.Done():
	}
	left := 0
	for s := range q.signals {
		giveUp(s)
		left++
	}
	return fmt.Errorf("auditmongo: %d signals were given up, and one may still be with its provider: %w", left, context.Cause(ctx))
}
