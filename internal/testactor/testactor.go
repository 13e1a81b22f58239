// Package testactor holds the actor of tests whose code names none. Package audittest sets
// it; nothing else may, because outside of tests an actor is never guessed.
package testactor

import "sync/atomic"

var current atomic.Value

// holder lets the value change its type and be nil.
type holder struct{ actor any }

// Set sets the actor, an *audit.Actor, or nil for none.
func Set(actor any) { current.Store(holder{actor}) }

// Get returns the actor that was set, or nil.
func Get() any {
	h, _ := current.Load().(holder)
	return h.actor
}
