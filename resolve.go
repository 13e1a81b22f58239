package audit

import (
	"context"
	"sync"
	"time"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/resolver"
	"github.com/opendeed/audit/internal/undertest"
)

// resolve implements plumbing.Resolve.
func resolve(ctx context.Context, actorless, signal bool, wait time.Duration) (bridge.Resolved[Scope], *Actor, error) {
	f := frameOf(ctx)
	p := enter(f.scope, wait)
	p.Suppressed, p.Finishing, p.Afterwards = f.suppressed, f.finishing, f.afterwards
	if !actorless {
		return p, nil, nil
	}
	actor, err := f.findActor(ctx, resolver.Query{Wait: wait, Entered: p.Entered, Signal: signal})
	return p, actor, err
}

// enter makes an event pending in s, which may be nil, and the outer scopes, so that none of
// them ends before the event's outcome is known, and reads s. wait is the track timeout of the
// provider, or 0.
func enter(s *Scope, wait time.Duration) bridge.Resolved[Scope] {
	p := bridge.Resolved[Scope]{Scope: s}
	bit := uint64(1)
	for ; s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		s.mu.Lock()
		if s == p.Scope {
			p.Data = s.data
		}
		s.trackTimeout = max(s.trackTimeout, wait)
		if s.state == scopeOpen {
			s.pending.Add()
			p.Entered |= bit
		}
		s.mu.Unlock()
	}
	return p
}

// leave reports to the scopes in entered that an event is no longer pending.
func leave(s *Scope, entered uint64) {
	for bit := uint64(1); s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		if entered&bit != 0 {
			s.mu.Lock()
			s.pending.Done()
			s.mu.Unlock()
		}
	}
}

// expectEvent implements plumbing.Expect.
func expectEvent(s *Scope) (done func()) {
	p := enter(s, 0)
	return sync.OnceFunc(func() { leave(s, p.Entered) })
}

// findActor looks for the actor from the inside out. The result is shared.
func (f *frame) findActor(ctx context.Context, q resolver.Query) (*Actor, error) {
	if f.actor != nil {
		return f.actor, nil
	}
	actor, err := f.scope.resolver().Find(ctx, q)
	switch {
	case err != nil:
		return nil, &ActorError{Err: err}
	case actor == nil:
		return nobody()
	}
	return actor, nil
}

// resolver returns the Resolver of the scope, which may be nil.
func (s *Scope) resolver() *resolver.Resolver[Actor] {
	if s == nil {
		return nil
	}
	return &s.who
}

// nobody returns the actor of tests that name none, or ErrNoActor.
func nobody() (*Actor, error) {
	if actor, ok := undertest.Actor().(*Actor); ok {
		return actor, nil
	}
	return nil, ErrNoActor
}

// ActorError reports that an actor function failed. Its text has the type of the function's
// error instead of that error's text, which may have a secret.
type ActorError struct {
	// Err is the function's error, or says that the function panicked, tracked an event
	// itself or did not return in time.
	Err error
}

// Error describes the failure for logs.
func (e *ActorError) Error() string {
	if inner, ok := e.Err.(*ActorError); ok { //nolint:errorlint // an error that wraps one has another text
		return inner.Error()
	}
	return "audit: the actor function " + errortype.Failed(e.Err)
}

// Unwrap returns Err.
func (e *ActorError) Unwrap() error { return e.Err }

// fillActors sets the actor of held signals that have none, if it is known in time.
func (s *Scope) fillActors(ctx context.Context, timeout time.Duration) {
	s.mu.Lock()
	var missing []*Event
	for h := range s.signals.Held() {
		if h.event.Actor.IsZero() && !h.unresolved {
			missing = append(missing, h.event)
		}
	}
	s.mu.Unlock()
	if len(missing) == 0 || s.who.IsBusy() {
		return
	}
	actor, err := s.findActor(ctx, timeout)
	if err != nil {
		return // the records say that the actor is unresolved
	}
	for _, e := range missing {
		e.Actor = actor.Clone()
	}
}

// findActor lets an ending scope find the actor.
func (s *Scope) findActor(ctx context.Context, timeout time.Duration) (*Actor, error) {
	p := enter(s, 0)
	defer leave(s, p.Entered)
	inside := frame{scope: s}
	const self = 1 // this scope is ending, and its resolver may still be called
	return inside.findActor(ctx, resolver.Query{Wait: timeout, Entered: p.Entered | self, Signal: true})
}
