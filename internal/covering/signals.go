package covering

import (
	"iter"
	"slices"

	"github.com/opendeed/audit/internal/recent"
	"github.com/opendeed/audit/internal/signal"
)

// Signal is a signal that waits for an intent that covers it, or the end of its scope. It
// carries a value of the caller's.
type Signal[V any] struct {
	Value  V
	Cover  Cover
	Origin Origin
	Passed bool // an inner scope passed it on when it ended
	// Strip is that of a signal of many objects. It removes those that covered reports, and
	// reports whether none is left. nil means that the signal is about one object.
	Strip func(covered func(Cover) bool) bool
}

// Signals is what a scope knows of intents, and the signals that it holds. It is not safe
// for concurrent use.
type Signals[V any] struct {
	// Limit is how many signals are held.
	Limit int

	held   []Signal[V]
	covers recent.Map[Cover, *claim] // a forgotten one costs at worst a record that says twice what happened
}

// Offer returns what to do with the signal. For signal.Hold it holds it.
func (g *Signals[V]) Offer(s Signal[V]) signal.Disposition {
	if g.isCovered(&s) {
		return signal.Drop
	}
	if len(g.held) >= g.Limit {
		return signal.RecordOverflow
	}
	g.held = append(g.held, s)
	return signal.Hold
}

// Accept adds what an intent covers, and removes and returns the held signals that it
// covers. inner reports whether it was recorded in an inner scope.
func (g *Signals[V]) Accept(stakes []Stake, inner bool) (covered []Signal[V]) {
	if len(stakes) == 0 {
		return nil
	}
	for i := range stakes {
		g.add(&stakes[i], inner)
	}
	g.held = slices.DeleteFunc(g.held, func(s Signal[V]) bool {
		if !g.isCovered(&s) {
			return false
		}
		covered = append(covered, s)
		return true
	})
	return covered
}

// Held returns the values of the held signals.
func (g *Signals[V]) Held() iter.Seq[V] {
	return func(yield func(V) bool) {
		for i := range g.held {
			if !yield(g.held[i].Value) {
				return
			}
		}
	}
}

// Len returns the number of held signals.
func (g *Signals[V]) Len() int { return len(g.held) }

// Take removes and returns all held signals.
func (g *Signals[V]) Take() []Signal[V] {
	held := g.held
	g.held = nil
	return held
}

// isCovered reports whether an intent covers the signal: one of this scope or, unless the
// signal comes from an inner scope itself, of an inner one.
func (g *Signals[V]) isCovered(s *Signal[V]) bool {
	if s.Strip != nil {
		return s.Strip(func(c Cover) bool { return g.coversOne(c, s) })
	}
	return g.coversOne(s.Cover, s)
}

// coversOne reports whether an intent covers one object of the signal.
func (g *Signals[V]) coversOne(c Cover, s *Signal[V]) bool {
	return c.NamesObject() && (g.admit(c, s) || c.Write && g.admit(c.AnyWrite(), s))
}

// admit looks for an intent that says how it ended and, if the signal does not say so
// either, for one that does not.
func (g *Signals[V]) admit(c Cover, s *Signal[V]) bool {
	if c.Unknown {
		if g.admitFrom(c, s) {
			return true
		}
		c.Unknown = false
	}
	return g.admitFrom(c, s)
}

// admitFrom looks for an intent of this scope and of the inner ones.
func (g *Signals[V]) admitFrom(c Cover, s *Signal[V]) bool {
	if claim, ok := g.covers.Get(c); ok && claim.admits(s.Origin) {
		return true
	}
	if s.Passed {
		return false
	}
	c.inner = true
	claim, ok := g.covers.Get(c)
	return ok && claim.admits(s.Origin)
}

// add adds a cover that names an object, unless there is one already that can still apply to
// any origin.
func (g *Signals[V]) add(s *Stake, inner bool) {
	if !s.NamesObject() {
		return
	}
	s.inner = inner
	if earlier, ok := g.covers.Get(s.Cover); ok && !earlier.used() {
		return
	}
	if s.claim == nil {
		s.claim = new(claim)
	}
	g.covers.Set(s.Cover, s.claim)
}
