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

// trackers is how many signals are tracked at the same time, so that those that a ledger
// stores share its syncs, and one that waits does not hold up the others.
const trackers = 64

// queue passes signals to goroutines that track them. Those of one scope are tracked one
// after the other, since the scope holds them in their order.
type queue struct {
	size    int
	track   func(signal)
	stopped chan struct{} // closed when it is closed and no goroutine runs

	mu      sync.Mutex
	closed  bool
	running int // goroutines, at most trackers
	waiting int // signals in lanes, at most size
	ready   []*lane
	lanes   map[*audit.Scope]*lane // of scopes with a signal that waits or is being tracked
}

// lane has the signals of one scope that wait, or one signal without a scope.
type lane struct {
	scope   *audit.Scope
	signals []signal
}

func newQueue(size int, track func(signal)) *queue {
	return &queue{size: size, track: track, stopped: make(chan struct{}), lanes: map[*audit.Scope]*lane{}}
}

// add never blocks. It returns ErrQueueFull or audit.ErrShutdown.
func (q *queue) add(s signal) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	scope := audit.ScopeFromContext(s.ctx)
	l := q.lanes[scope] // nil without a scope
	starts := l == nil && q.running < trackers
	switch {
	case q.closed:
		return audit.ErrShutdown
	case !starts && q.waiting == q.size:
		return ErrQueueFull
	case l != nil:
		l.signals = append(l.signals, s)
		q.waiting++
		return nil
	}
	l = &lane{scope: scope}
	if scope != nil {
		q.lanes[scope] = l
	}
	if starts {
		q.running++
		go q.run(l, s)
		return nil
	}
	l.signals = append(l.signals, s)
	q.ready = append(q.ready, l)
	q.waiting++
	return nil
}

// run tracks a signal of a lane, and then those of the lanes that are ready.
func (q *queue) run(l *lane, s signal) {
	for more := true; more; l, s, more = q.next(l) {
		q.track(s)
	}
}

// next returns the next signal and its lane. It reports false if the goroutine should end.
// l is the lane whose signal was tracked.
func (q *queue) next(l *lane) (next *lane, s signal, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(l.signals) > 0 {
		q.ready = append(q.ready, l)
	} else {
		delete(q.lanes, l.scope)
	}
	if len(q.ready) == 0 {
		q.running--
		q.stopIfIdle()
		return nil, signal{}, false
	}
	next, q.ready = q.ready[0], q.ready[1:]
	s, next.signals = next.signals[0], next.signals[1:]
	q.waiting--
	return next, s, true
}

// stopIfIdle closes stopped when nothing is left to do. q.mu is held.
func (q *queue) stopIfIdle() {
	if !q.closed || q.running > 0 {
		return
	}
	select {
	case <-q.stopped:
	default:
		close(q.stopped)
	}
}

// shutdown closes the queue and waits until its signals are tracked. If ctx ends first,
// it calls drop for each of those that wait.
func (q *queue) shutdown(ctx context.Context, drop func(signal)) error {
	q.mu.Lock()
	q.closed = true
	q.stopIfIdle()
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
	dropped := q.takeWaiting()
	for _, s := range dropped {
		drop(s)
	}
	return fmt.Errorf("auditmongo: %d signals were lost, and the provider may still be tracking others: %w", len(dropped), context.Cause(ctx))
}

// takeWaiting removes the signals that wait, and returns them.
func (q *queue) takeWaiting() (waiting []signal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.ready {
		if l.scope == nil {
			waiting = append(waiting, l.signals...)
		}
	}
	for _, l := range q.lanes {
		waiting = append(waiting, l.signals...)
		l.signals = nil
	}
	q.ready, q.waiting = nil, 0
	return waiting
}
