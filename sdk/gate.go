package sdk

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// gate lets callers through until it is closed, and then waits for those inside.
type gate struct {
	state   atomic.Int64  // how many are inside, and gateClosed
	drained chan struct{} // closed when the gate is closed and nobody is inside
	once    sync.Once     // who is turned away is inside for a moment, so that this may come twice
}

const gateClosed = 1 << 62

// enter reports whether the caller may pass. Who passed calls leave.
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

var errStillTracking = errors.New("events were still being tracked; their callers get the outcome")

// close lets nobody through any more and waits for those inside.
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
