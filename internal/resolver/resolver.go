// Package resolver finds the actor of a unit of work: it calls the application's functions,
// for all events that wait for the actor at the same time, and bounds how long they wait.
package resolver

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opendeed/audit/internal/errortype"
)

// Actor is what a Resolver finds.
type Actor[A any] interface {
	IsZero() bool
	Clone() A
}

// Func finds an actor.
type Func[A any] func(context.Context) (A, error)

// PrincipalFunc returns the actor that it gets together with the one on whose behalf that
// actor acts, or the zero actor if it acts for itself.
type PrincipalFunc[A any] func(ctx context.Context, actor A) (A, error)

// ErrInherit is the error of a Func that leaves the actor to the outer unit of work.
var ErrInherit = errors.New("audit: the actor of the outer scope acts")

const (
	errReentry = errortype.OwnError("it tracked an event that needs the actor it is to find; set that event's actor")
	errHangs   = errortype.OwnError("it did not return within the track timeout")
	errLate    = errortype.OwnError("its scope ended before it returned; find the actor before the work ends, or use audit.Detach")
	errEnded   = errortype.OwnError("its scope ended before it was known on whose behalf the actor acts; find the actor before the work ends, or use audit.Detach")
)

// Resolver finds the actor of one unit of work. The zero Resolver has none. Its methods may
// be called concurrently.
type Resolver[A Actor[A]] struct {
	outer     *Resolver[A] // of the outer unit of work, or nil
	inherited *A           // acts unless the Resolver finds an actor

	hung atomic.Int64 // calls that did not return in time and are not reported

	mu         sync.Mutex
	actor      *A // set or found; replaced, never changed
	find       Func[A]
	asks       bool // it has or had a function: nobody else's actor is its own
	inherits   bool // its function left the actor to the outer unit of work
	principal  PrincipalFunc[A]
	delegates  bool // it has or had a principal function
	delegation delegation[A]
	running    *call[A] // of one of the functions
	closed     bool
}

// delegation is what is known of on whose behalf an actor acts.
type delegation[A any] struct {
	from *A
	to   *A // with the principal; nil if from acts for itself
}

// Query is how somebody asks.
type Query struct {
	// Wait is how long it waits for a function.
	Wait time.Duration
	// Signal says that an actor is not required: it is not worth waiting for a function for
	// which others have waited in vain. The end of the scope may still find the actor.
	Signal bool
	// Entered has a bit for each unit of work, by its distance from the innermost, that cannot
	// end meanwhile. The functions of others must not be called.
	Entered uint64
}

// SetActor sets the actor; a zero one sets none.
func (r *Resolver[A]) SetActor(a *A) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.actor = a; (*a).IsZero() {
		r.actor = nil
	}
}

// SetFunc sets the function that finds the actor.
func (r *Resolver[A]) SetFunc(f Func[A]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.find, r.asks = f, true
}

// SetPrincipalFunc sets the function that finds on whose behalf an actor acts.
func (r *Resolver[A]) SetPrincipalFunc(f PrincipalFunc[A]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.principal, r.delegates, r.delegation = f, true, delegation[A]{}
}

// Known returns the actor that was set or found, or nil.
func (r *Resolver[A]) Known() *A {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.actor
}

// own returns the actor of the unit of work itself, or nil. If asked is true then, nobody
// acts, whoever acts in the outer unit of work.
func (r *Resolver[A]) own(ctx context.Context, q Query, mayCall bool) (actor *A, asked bool, err error) {
	r.mu.Lock()
	asked = r.asks
	if r.actor != nil || r.find == nil || !mayCall {
		defer r.mu.Unlock()
		return r.actor, asked, nil
	}
	if r.isRunningIn(ctx) {
		r.mu.Unlock()
		return nil, asked, errReentry
	}
	c := r.running
	if c == nil {
		c = &call[A]{done: make(chan struct{}), find: r.find, keep: func(a *A) {
			if a != nil && r.actor == nil {
				r.actor = a
			}
		}}
		r.running = c
		go r.run(ctx, q.Wait, c)
	}
	r.mu.Unlock()
	actor, err = r.await(c, q)
	if errors.Is(err, ErrInherit) {
		return nil, false, nil
	}
	return actor, asked, err
}

// principalOf returns the actor together with the one on whose behalf it acts, or nil if the
// Resolver knows of none.
func (r *Resolver[A]) principalOf(ctx context.Context, q Query, mayCall bool, actor *A) (*A, error) {
	for {
		r.mu.Lock()
		if !r.delegates || r.delegation.from == actor {
			to := r.delegation.to
			r.mu.Unlock()
			return to, nil
		}
		if r.principal == nil || !mayCall {
			r.mu.Unlock()
			return nil, errEnded
		}
		if r.isRunningIn(ctx) {
			r.mu.Unlock()
			return nil, errReentry
		}
		c := r.running
		if c == nil {
			principal := r.principal
			c = &call[A]{
				done: make(chan struct{}), from: actor,
				find: func(ctx context.Context) (A, error) { return principal(ctx, *actor) },
				keep: func(to *A) { r.delegation = delegation[A]{from: actor, to: to} },
			}
			r.running = c
			go r.run(ctx, q.Wait, c)
		}
		r.mu.Unlock()
		to, err := r.await(c, q)
		if c.from == actor || errors.Is(err, errHangs) {
			return to, err
		}
	}
}

// Decides reports whether a signal whose actor the Resolver could not find has none: that of
// an outer unit of work is not its own.
func (r *Resolver[A]) Decides() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asks && !r.inherits || r.delegates
}

// IsOwn reports whether the unit of work has an actor or a function of its own.
func (r *Resolver[A]) IsOwn() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.actor != nil || r.asks || r.delegates
}

// IsBusy reports whether a function is running.
func (r *Resolver[A]) IsBusy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running != nil
}

// Close drops the functions. The actor stays if it is known. What a running function returns
// after Close may be another request's, and is an error.
func (r *Resolver[A]) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.find, r.principal = nil, nil // they may close over what a framework reuses after this
}
