package audit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Resolved is what the audit context says of one Track call. An SDK gets it from
// Resolve. Its slices are shared and must not be changed.
type Resolved struct {
	// Scope is the nearest one, or nil.
	Scope *Scope
	// Channel and Tenant are the scope's.
	Channel, Tenant string
	// Metadata is the scope's, sorted by key.
	Metadata []attribute.KeyValue
	// Overridden is the metadata that was replaced within the scopes, sorted by
	// key.
	Overridden []attribute.KeyValue
	// Marked lists the paths of what was cut or cleaned already, sorted.
	Marked []string
	// Suppressed says that signals are not to be recorded here.
	Suppressed bool

	// flying has a bit for each scope that counts this flight, by its distance from
	// Scope. Of more than 64 scopes around one another the outermost don't wait.
	flying uint64
}

// Resolve is the way of an SDK into the audit context of a Track call: it sets
// the actor of e where the event states none, and returns what the scope says,
// in one look-up. wait bounds how long an actor's resolver may take.
//
// The event is in flight from here until Done, which must be called whatever
// comes of it, also when Resolve returned an error: the End of the scopes waits
// for it. For an intent the error is ErrNoActor or the resolver's; a signal
// without an actor is no error.
func Resolve(ctx context.Context, e *Event, wait time.Duration) (Resolved, error) {
	f := frameOf(ctx)
	r := Resolved{Scope: f.scope, Suppressed: f.suppressed}
	if f.scope != nil {
		r.takeOff()
	}
	if len(f.marked) > 0 {
		r.Marked = slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.Marked, f.marked))))
	}
	if !e.Actor.IsZero() {
		return r, nil
	}
	actor, err := f.resolveActor(ctx, wait, r.flying)
	switch {
	case err == nil:
		e.Actor = *actor
	case e.Kind != KindSignal:
		return r, err
	}
	return r, nil
}

// Done ends the flight.
func (r *Resolved) Done() {
	bit := uint64(1)
	for s := r.Scope; s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		if r.flying&bit != 0 {
			s.mu.Lock()
			s.flights--
			if s.flights == 0 && s.landed != nil {
				close(s.landed)
				s.landed = nil
			}
			s.mu.Unlock()
		}
	}
	r.flying = 0
}

// takeOff counts the flight in the scope and those around it, so that none of
// them ends before its outcome is known, and reads what the scope says.
func (r *Resolved) takeOff() {
	s := r.Scope
	s.mu.Lock()
	r.Channel, r.Tenant = s.channel, s.tenant
	r.Metadata, r.Overridden, r.Marked = s.metadata, s.overridden, s.marked
	if s.state == scopeOpen {
		s.flights++
		r.flying = 1
	}
	s.mu.Unlock()

	bit := uint64(2)
	for s = s.parent; s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		s.mu.Lock()
		if s.state == scopeOpen {
			s.flights++
			r.flying |= bit
		}
		s.mu.Unlock()
	}
}

// resolveActor looks from the inside out. The actor returned is shared. flying
// says which scopes wait for this call: only their resolvers may be called, since
// those of the others may be past their End.
func (f *frame) resolveActor(ctx context.Context, wait time.Duration, flying uint64) (*Actor, error) {
	if f.actor != nil {
		return f.actor, nil
	}
	bit := uint64(1)
	for s := f.scope; s != nil; s, bit = s.parent, bit<<1 {
		actor, err := s.resolveActor(ctx, wait, flying&bit != 0)
		if actor != nil || err != nil {
			return actor, err
		}
		if s.inherited != nil {
			return s.inherited, nil
		}
	}
	return nil, ErrNoActor
}

// ActorError says that an actor's resolver failed.
type ActorError struct {
	// Err is the resolver's error, or one of this package that says that it
	// panicked, tracked an event itself or did not return in time.
	Err error
}

// Error returns a sentence for logs.
func (e *ActorError) Error() string { return "audit: the actor's resolver failed: " + e.Err.Error() }

// Unwrap returns the resolver's error.
func (e *ActorError) Unwrap() error { return e.Err }

var (
	errResolverReentry = errors.New("it tracked an event that needs the actor it is to find; state that event's actor")
	errResolverHangs   = errors.New("it did not return within the track timeout")
)

// resolution is one call of a resolver, which several Track calls may wait for.
type resolution struct {
	done  chan struct{} // closed when actor and err are set
	actor *Actor
	err   error
}

// resolveActor returns the scope's own actor, nil where it has none.
func (s *Scope) resolveActor(ctx context.Context, wait time.Duration, mayCall bool) (*Actor, error) {
	s.mu.Lock()
	if s.actor != nil || s.resolver == nil || !mayCall {
		defer s.mu.Unlock()
		return s.actor, nil
	}
	for f := frameOf(ctx); f.resolving != nil; f = frameOf(f.Context) {
		if f.resolving == s {
			s.mu.Unlock()
			return nil, &ActorError{errResolverReentry}
		}
	}
	call := s.resolution
	if call == nil {
		call = &resolution{done: make(chan struct{})}
		s.resolution = call
		go s.runResolver(ctx, wait, s.resolver, call)
	}
	s.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-call.done:
		return call.actor, call.err
	case <-timer.C:
		return nil, &ActorError{errResolverHangs}
	}
}

// runResolver calls the resolver on a goroutine of its own, because nothing else
// bounds one that ignores its context.
func (s *Scope) runResolver(ctx context.Context, wait time.Duration, resolver func(context.Context) (Actor, error), call *resolution) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	f := derive(bounded)
	f.resolving = s

	actor, err := callResolver(f, resolver)
	switch {
	case err != nil:
		call.err = &ActorError{err}
	case !actor.IsZero():
		actor = actor.Clone()
		call.actor = &actor
	}

	s.mu.Lock()
	s.resolution = nil
	// What comes after End may have been read from a request that is not ours.
	if call.actor != nil && s.state != scopeEnded && s.actor == nil {
		s.actor = call.actor
	}
	s.mu.Unlock()
	close(call.done)
}

func callResolver(ctx context.Context, resolver func(context.Context) (Actor, error)) (a Actor, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The value may hold anything; the type and a runtime error do not.
			err = fmt.Errorf("it panicked with a %T", p)
			if re, ok := p.(runtime.Error); ok {
				err = fmt.Errorf("it panicked: %w", re)
			}
		}
	}()
	return resolver(ctx)
}

// endResolverWait bounds a resolver that is asked for held signals' actor when
// the scope ends.
const endResolverWait = 10 * time.Second

// fillActors gives the held signals that have no actor the one that is known
// now.
func (s *Scope) fillActors(ctx context.Context) {
	s.mu.Lock()
	var missing []*Event
	for i := range s.signals.held {
		if h := &s.signals.held[i]; !h.covered && h.event.Actor.IsZero() {
			missing = append(missing, h.event)
		}
	}
	hangs := s.resolution != nil
	s.mu.Unlock()
	if len(missing) == 0 || hangs {
		return
	}
	r := Resolved{Scope: s}
	r.takeOff()
	defer r.Done()
	inside := frame{scope: s}
	const self = 1 // this scope no longer counts flights, and is not past its End yet
	actor, err := inside.resolveActor(ctx, endResolverWait, r.flying|self)
	if err != nil {
		return // not known: the record will say so
	}
	for _, e := range missing {
		e.Actor = actor.Clone()
	}
}
