package audit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/panics"
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
		actor, err := s.resolveActor(ctx, q, q.entered&bit != 0)
		switch {
		case errors.Is(err, bridge.ErrInherit):
		case err != nil:
			return nil, err
		case actor == nil && s.asks:
			return nobody()
		}
		if actor == nil {
			actor = s.inherited
		}
		if actor != nil {
			return f.delegate(ctx, q, actor, s)
		}
	}
	return nobody()
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

const (
	errResolverReentry = errortype.OwnError("it tracked an event that needs the actor it is to find; set that event's actor")
	errResolverHangs   = errortype.OwnError("it did not return within the track timeout")
	errResolverLate    = errortype.OwnError("its scope ended before it returned; find the actor before the work ends, or use audit.Detach")
)

// resolution is a running call of a resolver, for which several Track calls may wait.
type resolution struct {
	done  chan struct{} // closed when actor and err are set
	from  *Actor        // of a principal function: the actor that it is asked about
	find  func(context.Context) (Actor, error)
	keep  func(*Actor) // stores the result, which may be nil, in the scope; its mutex is held
	actor *Actor
	err   error

	late atomic.Bool // somebody has waited in vain
}

// resolveActor returns the scope's own actor, or nil if it has none.
func (s *Scope) resolveActor(ctx context.Context, q inquiry, mayCall bool) (*Actor, error) {
	s.mu.Lock()
	if s.actor != nil || s.resolver == nil || !mayCall {
		defer s.mu.Unlock()
		return s.actor, nil
	}
	if s.isResolving(ctx) {
		s.mu.Unlock()
		return nil, &ActorError{Err: errResolverReentry}
	}
	call := s.resolution
	if call == nil {
		call = &resolution{done: make(chan struct{}), find: s.resolver, keep: func(a *Actor) {
			if a != nil && s.actor == nil {
				s.actor = a
			}
		}}
		s.resolution = call
		go s.run(ctx, q.wait, call)
	}
	s.mu.Unlock()
	return s.await(call, q)
}

// isResolving reports whether a function of the scope called the code that has ctx.
func (s *Scope) isResolving(ctx context.Context) bool {
	for f := frameOf(ctx); f.resolving != nil; f = frameOf(f.Context) {
		if f.resolving == s {
			return true
		}
	}
	return false
}

// await waits for the result.
func (s *Scope) await(call *resolution, q inquiry) (*Actor, error) {
	wait := q.wait
	if q.signal && call.late.Load() {
		wait = 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-call.done:
		return call.actor, call.err
	case <-timer.C:
		if call.late.CompareAndSwap(false, true) {
			s.hung.Add(1)
		}
		return nil, &ActorError{Err: errResolverHangs}
	}
}

// takeHung implements plumbing.TakeHung.
func takeHung(s *Scope) (n int64) {
	for ; s != nil; s = s.parent {
		if s.hung.Load() > 0 {
			n += s.hung.Swap(0)
		}
	}
	return n
}

// run calls the function of a resolution on its own goroutine, since it may ignore its
// context.
func (s *Scope) run(ctx context.Context, wait time.Duration, call *resolution) {
	// A resolver that respects its context returns before the event stops waiting.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait-wait/10)
	defer cancel()
	f := derive(bounded)
	f.resolving = s

	actor, err := callResolver(f, call.find)
	switch {
	case errors.Is(err, bridge.ErrInherit):
		call.err = bridge.ErrInherit
	case err != nil:
		call.err = &ActorError{Err: err}
	case !actor.IsZero():
		actor = actor.Clone()
		call.actor = &actor
	}

	s.mu.Lock()
	s.resolution = nil
	if call.from == nil {
		s.inherits = errors.Is(call.err, bridge.ErrInherit)
	}
	switch {
	case s.state == scopeEnded: // what was read may have been another request's
		call.actor, call.err = nil, &ActorError{Err: errResolverLate}
	case call.err == nil:
		call.keep(call.actor)
	}
	s.mu.Unlock()
	close(call.done)
}

func callResolver(ctx context.Context, resolver func(context.Context) (Actor, error)) (a Actor, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panics.Error(p)
		}
	}()
	return resolver(ctx)
}

// decides reports whether a signal of the scope whose actor it could not find has none: that
// of an outer scope is not its own. s.mu is held.
func (s *Scope) decides() bool { return s.asks && !s.inherits || s.delegates }

// fillActors sets the actor of held signals that have none, if it is known in time.
func (s *Scope) fillActors(ctx context.Context, timeout time.Duration) {
	s.mu.Lock()
	var missing []*Event
	for h := range s.signals.Held() {
		if h.event.Actor.IsZero() && !h.unresolved {
			missing = append(missing, h.event)
		}
	}
	hangs := s.resolution != nil
	s.mu.Unlock()
	if len(missing) == 0 || hangs {
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
