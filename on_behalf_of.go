package audit

import (
	"context"
	"errors"

	"github.com/opendeed/audit/internal/errortype"
)

// WithOnBehalfOf sets a function that finds on whose behalf the actor of the scope acts,
// for impersonation and delegation. It is called once for an actor, under the same rules as
// the function of [WithActor], with an actor that the scope has: its own, or that of an
// outer scope. It returns the zero Actor if the actor acts for itself; then the function of
// the outer scope from which the actor comes is asked, if there is one.
//
// An actor in an event or of a [ContextWithActor] inside the scope is complete as it is. If
// it is not known on whose behalf an actor acts, because f returned an error or the scope
// has ended, Track returns an [*ActorError].
func WithOnBehalfOf(f func(ctx context.Context, actor Actor) (Actor, error)) ScopeOption {
	return func(o *scopeOptions) { o.principal = f }
}

// delegation is what a scope knows of on whose behalf an actor acts.
type delegation struct {
	from *Actor
	to   *Actor // with the principal; nil if from acts for itself
}

const errNoPrincipal = errortype.OwnError("its scope ended before it was known on whose behalf the actor acts; find the actor before the work ends, or use audit.Detach")

// delegate returns the actor, which was found in the scope found, with the one on whose
// behalf it acts. The scopes are asked from the inside out, up to found.
func (f *frame) delegate(ctx context.Context, q inquiry, actor *Actor, found *Scope) (*Actor, error) {
	bit := uint64(1)
	for s := f.scope; s != nil; s, bit = s.parent, bit<<1 {
		to, err := s.delegate(ctx, q, actor, q.entered&bit != 0)
		if to != nil || err != nil {
			return to, err
		}
		if s == found {
			break
		}
	}
	return actor, nil
}

// delegate returns the actor with the one on whose behalf it acts according to the scope,
// or nil if the scope knows of none.
func (s *Scope) delegate(ctx context.Context, q inquiry, actor *Actor, mayCall bool) (*Actor, error) {
	for {
		s.mu.Lock()
		if !s.delegates || s.delegation.from == actor {
			to := s.delegation.to
			s.mu.Unlock()
			return to, nil
		}
		if s.principal == nil || !mayCall {
			s.mu.Unlock()
			return nil, &ActorError{Err: errNoPrincipal}
		}
		if s.isResolving(ctx) {
			s.mu.Unlock()
			return nil, &ActorError{Err: errResolverReentry}
		}
		call := s.resolution
		if call == nil {
			call = s.newDelegation(actor)
			go s.run(ctx, q.wait, call)
		}
		s.mu.Unlock()
		to, err := s.await(call, q)
		if call.from == actor || errors.Is(err, errResolverHangs) {
			return to, err
		}
	}
}

// newDelegation makes the call of the principal function for an actor the running one. s.mu
// is held.
func (s *Scope) newDelegation(actor *Actor) *resolution {
	principal := s.principal
	s.resolution = &resolution{
		done: make(chan struct{}), from: actor,
		find: func(ctx context.Context) (Actor, error) {
			to, err := principal(ctx, actor.Clone())
			if err != nil || to.IsZero() {
				return Actor{}, err
			}
			return onBehalfOf(*actor, to), nil
		},
		keep: func(to *Actor) { s.delegation = delegation{from: actor, to: to} },
	}
	return s.resolution
}

// onBehalfOf returns actor with principal at the end of its delegation chain.
func onBehalfOf(actor, principal Actor) Actor {
	actor = actor.Clone() // the application may share it
	last := &actor
	for last.OnBehalfOf != nil {
		last = last.OnBehalfOf
	}
	last.OnBehalfOf = &principal
	return actor
}
