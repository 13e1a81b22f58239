// Package undertest knows whether tests run that use package audittest, which sets what is
// here. Nothing else may: outside of tests an actor is never guessed.
package undertest

import "sync/atomic"

var (
	current atomic.Value
	strict  atomic.Bool
)

// holder lets the value change its type and be nil.
type holder struct{ actor any }

// SetActor sets the actor of events for which nothing names one, an *audit.Actor, or nil for none.
func SetActor(actor any) { current.Store(holder{actor}) }

// Actor returns the actor that was set, or nil.
func Actor() any {
	h, _ := current.Load().(holder)
	return h.actor
}

// SetStrict makes mistakes count that are tolerated in production.
func SetStrict() { strict.Store(true) }

// Strict reports whether SetStrict was called.
func Strict() bool { return strict.Load() }
