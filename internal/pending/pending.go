// Package pending counts what must be done before something else may end.
package pending

import (
	"context"
	"time"
)

// Count is how much is pending. It is not safe for concurrent use.
type Count struct {
	n    int
	none chan struct{} // closed when n is zero; nil unless somebody waits
}

// Add adds one.
func (c *Count) Add() { c.n++ }

// Done removes one.
func (c *Count) Done() {
	c.n--
	if c.n == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

// None returns a channel that is closed once nothing is pending, or nil if nothing is now.
func (c *Count) None() <-chan struct{} {
	if c.n == 0 {
		return nil
	}
	if c.none == nil {
		c.none = make(chan struct{})
	}
	return c.none
}

// Wait waits for a channel that None returned. It returns false if timeout passes or ctx ends
// before.
func Wait(ctx context.Context, none <-chan struct{}, timeout time.Duration) bool {
	if none == nil {
		return true
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-none:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}
