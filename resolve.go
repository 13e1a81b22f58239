package audit

import (
	"context"
	"time"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/resolver"
	"github.com/opendeed/audit/internal/undertest"
)

// pending is an event that the End of its scopes waits for, and what the nearest one had
// when the event came.
type pending struct{ bridge.Resolved[Scope] }

// resolve implements plumbing.Resolve.
func resolve(ctx context.Context, actorless, signal bool, wait time.Duration) (bridge.Resolved[Scope], *Actor, error) {
	f := frameOf(ctx)
	p := pending{bridge.Resolved[Scope]{
		Scope: f.scope, Suppressed: f.suppressed, Finishing: f.finishing, Afterwards: f.afterwards,
	}}
	if f.scope != nil {
		p.enter(wait)
	}
	if !actorless {
		return p.Resolved, nil, nil
	}
	actor, err := f.resolveActor(ctx, inquiry{wait, p.Entered, signal})
	return p.Resolved, actor, err
}

// inquiry is how somebody asks for the actor.
type inquiry struct {
	wait    time.Duration // how long it waits for an actor function
	entered uint64        // the scopes that wait for it, as in bridge.Resolved
	// signal says that an actor is not required: it is not worth waiting for a function for
	// which others have waited in vain. The end of the scope may still find the actor.
	signal bool
}

// of returns the query for the scope with the given bit of entered.
func (q inquiry) of(bit uint64) resolver.Query {
	return resolver.Query{Wait: q.wait, Signal: q.signal, MayCall: q.entered&bit != 0}
}

// enter makes the event pending in the scope and the outer ones, so that none of them
// ends before the event's outcome is known, and reads the scope. wait is the track timeout
// of the provider, or 0.
func (p *pending) enter(wait time.Duration) {
	s := p.Scope
	s.mu.Lock()
	p.Channel, p.Tenant = s.channel, s.tenant
	p.Metadata, p.Overridden, p.Marks = s.metadata, s.overridden, s.marks
	s.trackTimeout = max(s.trackTimeout, wait)
	if s.state == scopeOpen {
		s.pending++
		p.Entered = 1
	}
	s.mu.Unlock()

	bit := uint64(2)
	for s = s.parent; s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		s.mu.Lock()
		s.trackTimeout = max(s.trackTimeout, wait)
		if s.state == scopeOpen {
			s.pending++
			p.Entered |= bit
		}
		s.mu.Unlock()
	}
}

// done reports that the event is no longer pending.
func (p *pending) done() { leave(p.Scope, p.Entered) }

// leave reports to the scopes in entered that an event is no longer pending.
func leave(s *Scope, entered uint64) {
	for bit := uint64(1); s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		if entered&bit != 0 {
			s.mu.Lock()
			s.pending--
			if s.pending == 0 && s.drained != nil {
				close(s.drained)
				s.drained = nil
			}
			s.mu.Unlock()
		}
	}
}

// resolveActor looks for the actor from the inside out, and then for the one on whose
// behalf it acts. The result is shared. Only the scopes in q.entered wait for this call; the
// functions of others must not be called, since their scopes may have ended.
func (f *frame) resolveActor(ctx context.Context, q inquiry) (*Actor, error) {
	if f.actor != nil {
		return f.actor, nil
	}
	bit := uint64(1)
	for s := f.scope; s != nil; s, bit = s.parent, bit<<1 {
		actor, asked, err := s.who.Actor(ctx, q.of(bit))
		switch {
		case err != nil:
			return nil, &ActorError{Err: err}
		case actor == nil && asked:
			return nobody()
		case actor == nil:
			actor = s.inherited
		}
		if actor != nil {
			return f.delegate(ctx, q, actor, s)
		}
	}
	return nobody()
}

// delegate returns the actor, which was found in the scope found, with the one on whose
// behalf it acts. The scopes are asked from the inside out, up to found.
func (f *frame) delegate(ctx context.Context, q inquiry, actor *Actor, found *Scope) (*Actor, error) {
	bit := uint64(1)
	for s := f.scope; s != nil; s, bit = s.parent, bit<<1 {
		to, err := s.who.Delegate(ctx, q.of(bit), actor)
		if err != nil {
			return nil, &ActorError{Err: err}
		}
		if to != nil {
			return to, nil
		}
		if s == found {
			break
		}
	}
	return actor, nil
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

// takeHung implements plumbing.TakeHung.
func takeHung(s *Scope) (n int64) {
	for ; s != nil; s = s.parent {
		n += s.who.TakeHung()
	}
	return n
}

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
	p := pending{bridge.Resolved[Scope]{Scope: s}}
	p.enter(0)
	defer p.done()
	inside := frame{scope: s}
	const self = 1 // this scope is ending, and its resolver may still be called
	actor, err := inside.resolveActor(ctx, inquiry{wait: timeout, entered: p.Entered | self})
	if err != nil {
		return // the records say that the actor is unresolved
	}
	for _, e := range missing {
		e.Actor = actor.Clone()
	}
}
