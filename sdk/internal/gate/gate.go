// Package gate lets a provider shut down while others call it.
package gate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Gate counts the callers inside. It admits callers until it is closed.
type Gate struct {
	state   atomic.Int64  // number of callers inside, plus closed once closed
	drained chan struct{} // closed once the gate is closed and nobody is inside
	once    sync.Once     // closes drained; a caller that is turned away may empty the gate again
}

// New returns an open Gate.
func New() *Gate { return &Gate{drained: make(chan struct{})} }

const closed = 1 << 62

// Enter reports whether the caller was admitted. If so, it must call Leave.
func (g *Gate) Enter() bool {
	if g.state.Add(1) < closed {
		return true
	}
	g.Leave()
	return false
}

// Leave reports that a caller is done.
func (g *Gate) Leave() {
	if g.state.Add(-1) == closed {
		g.drain()
	}
}

func (g *Gate) drain() { g.once.Do(func() { close(g.drained) }) }

// Closed reports whether the gate is closed.
func (g *Gate) Closed() bool { return g.state.Load() >= closed }

var errStillTracking = errors.New("events were still being tracked; their callers get the results")

// Close stops admitting callers and waits for those inside until ctx ends.
func (g *Gate) Close(ctx context.Context) error {
	if g.state.Or(closed) == 0 {
		g.drain()
	}
	select {
	case <-g.drained:
		return nil
	default:
	}
	select {
	case <-g.drained:
		return nil
	case <-ctx.Done():
		return errors.Join(errStillTracking, ctx.Err())
	}
}
