package sdk

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// gate counts the callers inside. It admits callers until it is closed.
type gate struct {
	state   atomic.Int64  // number of callers inside, plus gateClosed once closed
	drained chan struct{} // closed once the gate is closed and nobody is inside
	once    sync.Once     // closes drained; a caller that is turned away may empty the gate again
}

func newGate() *gate { return &gate{drained: make(chan struct{})} }

const gateClosed = 1 << 62

// enter reports whether the caller was admitted. If so, it must call leave.
func (g *gate) enter() bool {
	if g.state.Add(1) < gateClosed {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.state.Add(-1) == gateClosed {
		g.drain()
	}
}

func (g *gate) drain() { g.once.Do(func() { close(g.drained) }) }

func (g *gate) closed() bool { return g.state.Load() >= gateClosed }

var errStillTracking = errors.New("events were still being tracked; their callers get the results")

// close stops admitting callers and waits for those inside until ctx ends.
func (g *gate) close(ctx context.Context) error {
	if g.state.Or(gateClosed) == 0 {
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
