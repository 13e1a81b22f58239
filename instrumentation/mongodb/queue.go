package auditmongo

import (
	"context"
	"fmt"
	"sync"

	"github.com/opendeed/audit"
)

// signal is an event to be tracked with the context of its write.
type signal struct {
	ctx   context.Context
	write *write
	event audit.Event
	done  func() // releases the scope, whose End waits for the signal
}

// trackers is how many signals without a scope are tracked at the same time, so that those
// that a ledger stores share its syncs.
const trackers = 64

// queue passes signals to goroutines that track them. Those of scopes are tracked one after
// the other.
type queue struct {
	mu      sync.Mutex // guards closed, and sends against close
	closed  bool
	signals chan signal
	stopped chan struct{} // closed when the goroutines have returned
}

// newQueue starts a goroutine, which starts others for signals. shutdown stops them.
func newQueue(size int, track func(signal)) *queue {
	q := &queue{signals: make(chan signal, size), stopped: make(chan struct{})}
	go func() {
		defer close(q.stopped)
		var running sync.WaitGroup
		slots := make(chan struct{}, trackers)
		defer running.Wait()
		for {
			slots <- struct{}{}
			s, ok := <-q.signals
			if !ok {
				return
			}
			if audit.ScopeFromContext(s.ctx) != nil { // which holds signals, and whose order counts
				track(s)
				<-slots
				continue
			}
			running.Go(func() {
				defer func() { <-slots }()
				track(s)
			})
		}
	}()
	return q
}

// add never blocks. It returns ErrQueueFull or audit.ErrShutdown.
func (q *queue) add(s signal) error {
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

// shutdown closes the queue and waits until its signals are tracked. If ctx ends first,
// it calls drop for each of the remaining ones.
func (q *queue) shutdown(ctx context.Context, drop func(signal)) error {
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
	dropped := 0
	for s := range q.signals {
		drop(s)
		dropped++
	}
	return fmt.Errorf("auditmongo: %d signals were lost, and the provider may still be tracking others: %w", dropped, context.Cause(ctx))
}
