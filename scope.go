package audit

import (
	"context"
	"sync"
	"time"

	"github.com/opendeed/audit/internal/covering"
	"github.com/opendeed/audit/internal/pending"
	"github.com/opendeed/audit/internal/reads"
	"github.com/opendeed/audit/internal/recent"
	"github.com/opendeed/audit/internal/resolver"
	"github.com/opendeed/audit/internal/scopedata"
	"github.com/opendeed/audit/internal/sorted"
	"go.opentelemetry.io/otel/attribute"
)

// defaultSignalLimit is how many signals a scope holds without plumbing.WithSignalLimit, whose
// documentation gives the number.
const defaultSignalLimit = 1000

// Scope is the audit context of one unit of work. Its methods may be called
// concurrently. They may also be called on a nil Scope, on which they do nothing, except
// that Set returns ErrNoScope.
//
// An inner scope inherits channel, tenant and metadata from the outer one, and the actor
// unless it has an actor function; the nearest scope in the context wins. Changes to an inner scope do not affect the outer
// one.
type Scope struct {
	own        frame // of the context that the scope was opened with
	afterwards frame // of the same context for plumbing.Afterwards
	parent     *Scope
	unit       any // the unit of work in which the scope is, or nil; see unit.go
	who        resolver.Resolver[Actor]

	mu        sync.Mutex
	state     scopeState
	data      scopedata.Data
	draft     *draft // of the event that is tracked when the work has ended, or nil
	draftRoom draft  // where draft may point to
	signals   covering.Signals[heldSignal]
	reads     reads.Folds[Tracker]
	tracked   recent.Map[trackedEvent, struct{}] // except held signals
	pending   pending.Count                      // events that End waits for
	// trackTimeout is the longest one of the providers that tracked events under the scope.
	trackTimeout time.Duration

	endOnce sync.Once
	endErr  error
}

// scopeState says how far End has come.
type scopeState uint8

const (
	scopeOpen   scopeState = iota
	scopeEnding            // End does not wait for new events
	scopeEnded             // held signals have been settled
)

// NewScope opens a scope and returns a context that carries it. The caller must end it,
// also when the work panics; [Run] does both.
func NewScope(ctx context.Context, opts ...ScopeOption) (context.Context, *Scope) {
	s := new(Scope)
	ctx = openScope(ctx, s)
	_ = s.Set(opts...) // a new scope has not ended
	return ctx, s
}

// openScope implements bridge.Functions.OpenScope.
func openScope(ctx context.Context, s *Scope) context.Context {
	outer := frameOf(ctx)
	s.parent = outer.scope
	s.who.Inherit(outer.scope.resolver(), outer.actor)
	s.signals.Limit = defaultSignalLimit
	if p := outer.scope; p != nil {
		s.unit = p.unit
		p.mu.Lock()
		s.data = p.data
		s.signals.Limit = p.signals.Limit
		p.mu.Unlock()
	}
	f := *outer
	f.Context, f.scope, f.actor, f.finishing = ctx, s, nil, ID{}
	return s.carriedBy(f)
}

// carriedBy makes a copy of f the frame that carries the scope.
func (s *Scope) carriedBy(f frame) *frame {
	s.own, s.afterwards = f, f
	s.afterwards.afterwards = true
	return &s.own
}

// Set changes the scope for the events that are tracked from now on. Metadata replaces
// existing metadata of the same key, and the record keeps the first replaced value among
// what was overridden. Set returns ErrScopeEnded after End.
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

// Channel returns the channel of the scope, or "".
func (s *Scope) Channel() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.Channel
}

// Metadata returns the scope's value for a key of metadata, its own or an inherited one.
// It reports false if there is none.
func (s *Scope) Metadata(key attribute.Key) (v attribute.Value, ok bool) {
	if s == nil {
		return v, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := sorted.FindKey(s.data.Metadata, key)
	if !ok {
		return v, false
	}
	return s.data.Metadata[at].Value, true
}
