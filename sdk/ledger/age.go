package ledger

import (
	"sync"
	"time"
)

// ageClock counts the age of the ledger for WithRetention, so that a wrong system clock
// does not make entries old. While the ledger is open, the age grows with the monotonic
// clock, which nobody sets. A pause, during which no writer had it open, is known from
// the system clock alone. It counts
//   - from the latest time that the system clock has ever shown, so a clock that was
//     ahead is not believed a second time
//   - up to a limit of half the retention's age, so a clock that was behind, and is now
//     right, leaves fresh entries at least the other half
//   - as the clock showed least of it while the ledger is open, and only after some time,
//     so a clock that is corrected soon after the start does no harm.
//
// Its methods are safe for concurrent use.
type ageClock struct {
	wall   func() time.Time // the system clock
	opened time.Time        // when counting began, with a monotonic reading
	age    time.Duration    // of the ledger when it was last closed, or its age was stored
	seen   time.Time        // latest time that the system clock showed before that; zero: unknown

	mu    sync.Mutex
	pause time.Duration // between seen and opened; it only shrinks
}

// pauseSettles is how long a ledger must be open before a pause counts.
const pauseSettles = 5 * time.Minute

// storeAgeInterval is how often the age is stored at least.
const storeAgeInterval = time.Hour

// newAgeClock starts a clock with what the state has stored.
func newAgeClock(s *state, c *config) *ageClock {
	a := &ageClock{wall: c.wall, opened: time.Now(), age: s.age, seen: s.seen}
	if !s.seen.IsZero() {
		a.pause = c.retainAge / 2
	}
	if a.wall == nil {
		a.wall = time.Now
	}
	return a
}

// observe returns for how long the ledger has been open, and how long the pause before
// was at most.
func (c *ageClock) observe() (open, pause time.Duration) {
	open = time.Since(c.opened)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pause = max(0, min(c.pause, c.wall().Round(0).Sub(c.seen)-open)) // Round drops the monotonic reading
	return open, c.pause
}

// least returns an age that the ledger has reached for certain.
func (c *ageClock) least() time.Duration {
	open, pause := c.observe()
	if open < pauseSettles {
		pause = 0
	}
	return c.age + open + pause
}

// most returns an age that the ledger has not passed.
func (c *ageClock) most() time.Duration {
	open, pause := c.observe()
	return c.age + open + pause
}

// stored returns the age to store in the state, and the latest time that the system
// clock has shown. Before the pause counts, what is stored stays as it is, so the next
// writer counts it with its own; closing ends that.
func (c *ageClock) stored(closing bool) (age time.Duration, seen time.Time) {
	open, pause := c.observe()
	if open < pauseSettles && !closing && !c.seen.IsZero() {
		return c.age, c.seen
	}
	seen = c.wall().Round(0)
	if c.seen.After(seen) {
		seen = c.seen
	}
	return c.age + open + pause, seen
}
