package delivery

import "time"

// Turns gives each of several deliveries an equal share of the time that is left, so that
// each is tried even if one hangs.
type Turns struct {
	n       int
	timeout time.Duration
	start   time.Time
}

// NewTurns returns the turns of n deliveries.
func NewTurns(n int, timeout time.Duration) Turns {
	t := Turns{n: n, timeout: timeout}
	if n > 1 {
		t.start = time.Now()
	}
	return t
}

// Wait returns how long the delivery at index i may take.
func (t *Turns) Wait(i int) time.Duration {
	if t.n == 1 {
		return t.timeout
	}
	return max(0, t.timeout-time.Since(t.start)) / time.Duration(t.n-i)
}
