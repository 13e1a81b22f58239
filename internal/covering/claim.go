package covering

import "sync/atomic"

// Origin says where a signal comes from, if two stores, or two types of IDs in one, may
// have objects of the same type and ID.
type Origin struct{ Database, IDType string }

// Stake is a cover that an intent adds to its scope and the outer ones, and the claim that
// they share.
type Stake struct {
	Cover
	claim *claim
}

// claim lets a cover apply to signals of one origin, the first: an intent does not say
// which store it means. The scopes that share a claim may use it concurrently.
type claim struct{ first atomic.Pointer[Origin] }

// admits reports whether the cover applies to a signal from o. A signal that names no
// database may come from anywhere.
func (c *claim) admits(o Origin) bool {
	if o.Database == "" {
		return true
	}
	first := c.first.Load()
	if first == nil {
		if c.first.CompareAndSwap(nil, &o) {
			return true
		}
		first = c.first.Load()
	}
	return *first == o
}

// used reports whether a signal has settled the origin.
func (c *claim) used() bool { return c.first.Load() != nil }
