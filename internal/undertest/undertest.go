// Package undertest has the actor of tests whose code names none. Package audittest sets it;
// nothing else may, because outside of tests an actor is never guessed.
package undertest

import "sync/atomic"

var current atomic.Value

// holder lets the value change its type and be nil.
type holder struct{ actor any }

// SetActor sets the actor of events for which nothing names one, an *audit.Actor, or nil for none.
func SetActor(actor any) { current.Store(holder{actor}) }

// Actor returns the actor that was set, or nil.
func Actor() any {
	h, _ := current.Load().(holder)
	return h.actor
}
