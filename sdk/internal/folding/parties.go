package folding

import (
	"container/list"
	"time"

	"github.com/opendeed/audit/sdk/internal/party"
)

// Limits of what a class of parties may use. A fold is an open attempt of a ledger, which
// keeps ledger.MaxOpenPairs of them.
const (
	maxParties = 10_000 // parties that are remembered
	maxFolds   = 1_000  // open folds, not counting those of the crowd
	maxKinds   = 16     // open folds of one party; further kinds share one more
	// crowdRate is how many records of a class stay whole in a window, in multiples of
	// what one party may have.
	crowdRate = 100
)

// class is what is known of the parties of one class.
type class struct {
	window
	parties map[party.Party]*counter
	idle    *list.List // parties without open folds, the most recently seen first
	crowd   counter    // of anonymous parties that have no fold of their own
	open    int        // folds that are not finished, without those of the crowd
}

func newClass() *class {
	return &class{parties: map[party.Party]*counter{}, idle: list.New()}
}

// window counts the records that stayed whole since start.
type window struct {
	start time.Time
	whole int
}

// roll begins a new window if the current one is over.
func (w *window) roll(now time.Time, length time.Duration) {
	if age := now.Sub(w.start); age >= length || age < 0 {
		w.start, w.whole = now, 0
	}
}

// counter is what is known of one party.
type counter struct {
	window
	party party.Party
	folds map[kind]*fold
	idle  *list.Element // nil while the party has open folds
}

// of returns the counter of a party. If there are too many, it forgets the party without
// open folds that was seen least recently: its records are whole again, so they cannot
// hide among others. It returns nil if each of them has an open fold.
func (c *class) of(p party.Party) *counter {
	n := c.parties[p]
	switch {
	case n == nil && len(c.parties) >= maxParties:
		oldest := c.idle.Back()
		if oldest == nil {
			return nil
		}
		n = oldest.Value.(*counter) //nolint:errcheck,forcetypeassert // only counters are in it
		delete(c.parties, n.party)
		c.idle.Remove(oldest)
		fallthrough
	case n == nil:
		n = &counter{party: p}
		n.idle = c.idle.PushFront(n)
		c.parties[p] = n
	case n.idle != nil:
		c.idle.MoveToFront(n.idle)
	}
	return n
}

// add opens a fold of the party.
func (c *class) add(n *counter, f *fold) {
	if n.folds == nil {
		n.folds = map[kind]*fold{}
	}
	n.folds[f.kind] = f
	f.counter = n
	if n == &c.crowd {
		return
	}
	c.open++
	if n.idle != nil {
		c.idle.Remove(n.idle)
		n.idle = nil
	}
}

// detach makes further records of the kind open a new fold.
func (c *class) detach(f *fold) {
	n := f.counter
	if n.folds[f.kind] != f {
		return
	}
	delete(n.folds, f.kind)
	if len(n.folds) == 0 && n != &c.crowd {
		n.idle = c.idle.PushFront(n)
	}
}

// release gives back the place of a fold that is finished.
func (c *class) release(f *fold) {
	if f.counter != &c.crowd {
		c.open--
	}
}
