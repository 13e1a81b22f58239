package audit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/opendeed/audit/internal/errortype"
	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/internal/testactor"
	"go.opentelemetry.io/otel/attribute"
)

// Resolved is the audit context of one Track call, for SDKs: see [Resolve]. Its slices
// are shared and must not be changed.
type Resolved struct {
	// Scope is the nearest scope, or nil.
	Scope *Scope
	// Channel and Tenant are the scope's.
	Channel, Tenant string
	// Metadata is the scope's, sorted by key.
	Metadata []attribute.KeyValue
	// Overridden is the metadata that inner scopes replaced, sorted by key.
	Overridden []attribute.KeyValue
	// Marks says what the scope knows about values of its metadata, sorted by path.
	Marks []Mark
	// Afterwards reports whether intents are recorded even if they lack what a policy
	// requires: see the function of that name.
	Afterwards bool
	// Suppressed reports whether signals are not recorded here: see SuppressSignals.
	Suppressed bool
	// Finishing is the attempt whose Finish called Track, or zero. An event of this attempt
	// ends it, whoever its actor is.
	Finishing ID
	// entered has a bit for each scope whose End waits for this call, by its distance
	// from Scope. Beyond 64 nested scopes the outermost don't wait.
	entered uint64
}

// Resolve returns the audit context of a Track call, and sets the actor of e if the event
// has none. It is the entry point for SDKs. wait bounds how long an actor function may
// take.
//
// The event is pending from here until Done, and the End of its scopes waits for it. The
// caller must call Done in every case, also when Resolve returned an error. For an intent
// without an actor the error is ErrNoActor or an *ActorError; for a signal that is no
// error.
func Resolve(ctx context.Context, e *Event, wait time.Duration) (Resolved, error) {
	f := frameOf(ctx)
	r := Resolved{Scope: f.scope, Suppressed: f.suppressed, Finishing: f.finishing, Afterwards: f.afterwards}
	if f.scope != nil {
		r.enter(wait)
	}
	if !e.Actor.IsZero() {
		return r, nil
	}
	actor, err := f.resolveActor(ctx, wait, r.entered)
	switch {
	case err == nil:
		e.Actor = *actor
	case e.Kind != KindSignal:
		return r, err
	}
	return r, nil
}

// Done reports that the event is no longer pending.
func (r *Resolved) Done() {
	bit := uint64(1)
	for s := r.Scope; s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		if r.entered&bit != 0 {
			s.mu.Lock()
			s.pending--
			if s.pending == 0 && s.drained != nil {
				close(s.drained)
				s.drained = nil
			}
			s.mu.Unlock()
		}
	}
	r.entered = 0
}

// enter makes the event pending in the scope and the outer ones, so that none of them
// ends before the event's outcome is known, and reads the scope. wait is the track timeout
// of the provider, or 0.
func (r *Resolved) enter(wait time.Duration) {
	s := r.Scope
	s.mu.Lock()
	r.Channel, r.Tenant = s.channel, s.tenant
	r.Metadata, r.Overridden, r.Marks = s.metadata, s.overridden, s.marks
	s.trackTimeout = max(s.trackTimeout, wait)
	if s.state == scopeOpen {
		s.pending++
		r.entered = 1
	}
	s.mu.Unlock()

	bit := uint64(2)
	for s = s.parent; s != nil && bit != 0; s, bit = s.parent, bit<<1 {
		s.mu.Lock()
		s.trackTimeout = max(s.trackTimeout, wait)
		if s.state == scopeOpen {
			s.pending++
			r.entered |= bit
		}
		s.mu.Unlock()
	}
}

// resolveActor looks for the actor from the inside out, and then for the one on whose
// behalf it acts. The result is shared. Only the scopes in entered wait for this call; the
// functions of others must not be called, since their scopes may have ended.
func (f *frame) resolveActor(ctx context.Context, wait time.Duration, entered uint64) (*Actor, error) {
	if f.actor != nil {
		return f.actor, nil
	}
	bit := uint64(1)
	for s := f.scope; s != nil; s, bit = s.parent, bit<<1 {
		actor, err := s.resolveActor(ctx, wait, entered&bit != 0)
		switch {
		case errors.Is(err, ErrInherit):
		case err != nil:
			return nil, err
		case actor == nil && s.asks:
			return nobody()
		}
		if actor == nil {
			actor = s.inherited
		}
		if actor != nil {
			return f.delegate(ctx, wait, entered, actor, s)
		}
	}
	return nobody()
}

// nobody returns the actor of tests that name none, or ErrNoActor.
func nobody() (*Actor, error) {
	if actor, ok := testactor.Get().(*Actor); ok {
		return actor, nil
	}
	return nil, ErrNoActor
}

// ErrInherit is returned by an actor function (see WithActor) that does not know the actor:
// the actor of the outer scope acts.
var ErrInherit = errors.New("audit: the actor of the outer scope acts")

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
func (s *Scope) resolveActor(ctx context.Context, wait time.Duration, mayCall bool) (*Actor, error) {
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
		go s.run(ctx, wait, call)
	}
	s.mu.Unlock()
	return s.await(call, wait)
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
func (s *Scope) await(call *resolution, wait time.Duration) (*Actor, error) {
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

// TakeHung returns how many calls of actor functions of the scope and of the outer ones did
// not return in time, since TakeHung was called before. It is for SDKs, which report each
// such call once: an event notices it whoever else has waited for the call.
func (s *Scope) TakeHung() (n int64) {
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
	case errors.Is(err, ErrInherit):
		call.err = ErrInherit
	case err != nil:
		call.err = &ActorError{Err: err}
	case !actor.IsZero():
		actor = actor.Clone()
		call.actor = &actor
	}

	s.mu.Lock()
	s.resolution = nil
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

// fillActors sets the actor of held signals that have none, if it is known in time.
func (s *Scope) fillActors(ctx context.Context, timeout time.Duration) {
	s.mu.Lock()
	var missing []*Event
	for i := range s.signals.held {
		if h := &s.signals.held[i]; h.event.Actor.IsZero() {
			missing = append(missing, h.event)
		}
	}
	hangs := s.resolution != nil
	s.mu.Unlock()
	if len(missing) == 0 || hangs {
		return
	}
	r := Resolved{Scope: s}
	r.enter(0)
	defer r.Done()
	inside := frame{scope: s}
	const self = 1 // this scope is ending, and its resolver may still be called
	actor, err := inside.resolveActor(ctx, timeout, r.entered|self)
	if err != nil {
		return // the records say that the actor is unresolved
	}
	for _, e := range missing {
		e.Actor = actor.Clone()
	}
}
