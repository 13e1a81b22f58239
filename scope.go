package audit

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// DefaultSignalLimit is how many signals a scope holds unless WithSignalLimit
// says otherwise.
const DefaultSignalLimit = 1000

// ErrScopeEnded is returned by Set on a scope that was ended.
var ErrScopeEnded = errors.New("audit: the scope has ended; set it up before End")

// Scope is the audit context of one unit of work. It is safe for concurrent use,
// and every method may be called on a nil Scope, which does nothing (Set and the
// functions that need a scope return ErrNoScope).
//
// An inner scope inherits actor, channel, tenant and metadata from the outer
// one; the nearest in the context wins. What is set on an inner scope is not
// seen by the outer.
type Scope struct {
	parent    *Scope
	inherited *Actor // of the ContextWithActor around this scope

	mu         sync.Mutex
	state      scopeState
	actor      *Actor // stated or resolved; replaced, never changed
	resolver   func(context.Context) (Actor, error)
	resolution *resolution // the resolver's call that is running
	channel    string
	tenant     string
	metadata   []attribute.KeyValue // sorted; replaced, never changed
	overridden []attribute.KeyValue // sorted; replaced, never changed
	marked     []string             // sorted; replaced, never changed
	target     Target
	signals    signals
	flights    int           // Track calls that End waits for
	landed     chan struct{} // closed when flights is zero; nil unless End waits

	endOnce sync.Once
	endErr  error
}

// scopeState says how far a scope is with ending.
type scopeState uint8

const (
	scopeOpen   scopeState = iota
	scopeEnding            // new events are no longer waited for
	scopeEnded             // held signals have been passed on
)

// scopeContext lets a scope and its frame be one allocation.
type scopeContext struct {
	frame
	own Scope
}

// NewScope opens a scope and returns a context that carries it. The caller ends
// it, also when the work panics; [Run] does both.
func NewScope(ctx context.Context, opts ...ScopeOption) (context.Context, *Scope) {
	outer := frameOf(ctx)
	c := &scopeContext{frame: *outer}
	c.marked = nil
	s := &c.own
	s.parent = outer.scope
	s.inherited = outer.actor
	s.signals.limit = DefaultSignalLimit
	if p := outer.scope; p != nil {
		p.mu.Lock()
		s.channel, s.tenant = p.channel, p.tenant
		s.metadata, s.overridden, s.marked = p.metadata, p.overridden, p.marked
		s.signals.limit = p.signals.limit
		p.mu.Unlock()
	}
	c.Context, c.scope, c.actor = ctx, s, nil
	_ = s.Set(opts...) // a scope that was just made has not ended
	return &c.frame, s
}

// Set changes the scope for the events that are tracked from now on. Metadata
// of a key that is there already is replaced, and the record keeps the first
// value among what was overridden.
func (s *Scope) Set(opts ...ScopeOption) error {
	if s == nil {
		return ErrNoScope
	}
	if len(opts) == 0 {
		return nil
	}
	var o scopeOptions
	for _, opt := range opts {
		opt(&o)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != scopeOpen {
		return ErrScopeEnded
	}
	s.apply(&o)
	return nil
}

// Target returns what SetTarget stated.
func (s *Scope) Target() Target {
	if s == nil {
		return Target{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.target
}

// Channel returns the channel of the scope, or "".
func (s *Scope) Channel() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channel
}

// Metadata returns the value that the scope has for a key of metadata, its own or an
// inherited one. ok is false if it has none.
func (s *Scope) Metadata(key attribute.Key) (v attribute.Value, ok bool) {
	if s == nil {
		return v, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := findKey(s.metadata, key)
	if !ok {
		return v, false
	}
	return s.metadata[at].Value, true
}

// maxEndWait bounds how long End waits for events in flight. Their own waiting
// is bounded by the track timeout, so that only a processor that hangs can reach
// this.
const maxEndWait = time.Minute

var errStillInFlight = errors.New("audit: events were still being tracked when the scope ended; signals that they may cover were recorded")

// End ends the scope: it waits for the events in flight, drops the actor's
// resolver, and passes the signals that no intent covered on to the outer scope
// or, without one, to the record. The error joins what failed. End works once;
// further calls return the same error.
//
// Events may be tracked under the scope's context after End. They keep its
// channel, tenant and metadata, and the actor if one was known; their signals
// pass at once.
//
// ctx bounds the wait for events in flight, and its values reach the exporters;
// give End a context that a client's disconnection does not cancel.
func (s *Scope) End(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.endOnce.Do(func() { s.endErr = s.end(ctx) })
	return s.endErr
}

func (s *Scope) end(ctx context.Context) error {
	late := s.land(ctx)
	s.fillActors(ctx)

	s.mu.Lock()
	s.state = scopeEnded
	s.resolver = nil // it may close over what the framework reuses from now on
	held := s.signals.take()
	s.mu.Unlock()

	if len(held) == 0 {
		return late
	}
	errs := []error{late}
	for i := range held {
		errs = append(errs, held[i].settle(ctx, s.parent))
	}
	return errors.Join(errs...)
}

// land closes the scope for new flights and waits for those under way.
func (s *Scope) land(ctx context.Context) error {
	s.mu.Lock()
	s.state = scopeEnding
	if s.flights == 0 {
		s.mu.Unlock()
		return nil
	}
	landed := make(chan struct{})
	s.landed = landed
	s.mu.Unlock()

	timer := time.NewTimer(maxEndWait)
	defer timer.Stop()
	select {
	case <-landed:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return errStillInFlight
}

// Expect says that an event of the scope will be tracked by another goroutine: the End
// of this scope and of those around it waits for done, as it waits for Track calls.
// done must be called, soon; calling it again does nothing.
//
// It is for integrations that are called where nothing may be waited for and hand
// events on through a queue.
func (s *Scope) Expect() (done func()) {
	r := Resolved{Scope: s}
	if s != nil {
		r.takeOff()
	}
	return sync.OnceFunc(r.Done)
}

// Run calls fn in a scope of its own and ends it, also when fn panics. The error
// joins fn's and End's. A panic goes on after the scope was ended; where End
// failed too, the panic's value is an error that wraps both.
func Run(ctx context.Context, fn func(context.Context) error, opts ...ScopeOption) (err error) {
	inner, s := NewScope(ctx, opts...)
	returned := false
	defer func() {
		endErr := s.End(context.WithoutCancel(ctx))
		if returned {
			err = errors.Join(err, endErr)
			return
		}
		if endErr == nil {
			return // the panic, or a Goexit, goes on by itself
		}
		if p := recover(); p != nil {
			panic(&EndPanicError{Value: p, Err: endErr})
		}
	}()
	err = fn(inner)
	returned = true
	return err
}

// EndPanicError is what Run panics with when fn panicked and End failed as well.
type EndPanicError struct {
	// Value is what fn panicked with.
	Value any
	// Err is the error of End.
	Err error
}

// Error returns a sentence for logs. It does not show Value.
func (p *EndPanicError) Error() string {
	return "audit: a panic, and the scope ended with an error: " + p.Err.Error()
}

// Unwrap returns the error of End and the panic's value where that is an error.
func (p *EndPanicError) Unwrap() []error {
	if err, ok := p.Value.(error); ok {
		return []error{err, p.Err}
	}
	return []error{p.Err}
}
