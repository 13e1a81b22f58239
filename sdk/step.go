package sdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/record"
)

// step runs one of the user's processors and holds it to its contract.
type step struct {
	processor Processor
	name      string
	next      stage
}

func newStep(p Processor, next stage) *step {
	return &step{processor: p, name: processorName(p), next: next}
}

// processorName is the type's name: a processor has no other, and its values
// must not be shown.
func processorName(p Processor) string { return fmt.Sprintf("%T", p) }

// The ways in which a processor breaks its contract.
var (
	errNextTwice  = errors.New("it called next twice")
	errNextLate   = errors.New("it called next after it had returned")
	errNextOther  = errors.New("it passed on another record; ID, Kind and Actor must stay as they are")
	errNextNil    = errors.New("it passed on nil")
	errLeftEarly  = errors.New("it returned before next did")
	errNoReturned = errors.New("it did not return normally")
)

// passage is one record's way through a step.
type passage struct {
	step   *step
	ctx    context.Context
	id     audit.ID
	kind   audit.Kind
	actor  audit.Actor
	scope  *audit.Scope
	mu     sync.Mutex
	called bool
	back   bool  // next has returned
	over   bool  // the processor has returned
	broken error // how the contract was broken first
	err    error // what next returned
}

func (s *step) run(ctx context.Context, scope *audit.Scope, r *record.Record) error {
	p := &passage{step: s, ctx: ctx, id: r.ID, kind: r.Kind, actor: r.Actor.Clone(), scope: scope}
	err := p.process(ctx, r)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	delivered := p.back && p.err == nil
	switch {
	case p.called && !p.back:
		return &ProcessorError{Processor: s.name, Err: errors.Join(errLeftEarly, audit.ErrMaybeStored)}
	case p.broken != nil:
		return &ProcessorError{Processor: s.name, Delivered: delivered, Err: errors.Join(p.broken, p.err)}
	case err == nil && !p.called:
		return &dropError{s.name}
	case err == nil:
		return p.err // a processor must not swallow it
	case p.err == nil || !errors.Is(err, p.err):
		return &ProcessorError{Processor: s.name, Delivered: delivered, Err: errors.Join(err, p.err)}
	}
	return err
}

func (p *passage) process(ctx context.Context, r *record.Record) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		err = errNoReturned
		if v := recover(); v != nil {
			err = panics.Error(v)
		}
	}()
	err = p.step.processor.Process(ctx, r, p.next)
	returned = true
	return err
}

// next is what the processor is given.
func (p *passage) next(ctx context.Context, r *record.Record) error {
	if err := p.admit(r); err != nil {
		return &ProcessorError{Processor: p.step.name, Delivered: false, Err: err}
	}
	if ctx == nil {
		ctx = p.ctx
	}
	// The processor may have kept the record, so that the way goes on with a copy.
	err := p.step.next(ctx, p.scope, r.Clone())

	p.mu.Lock()
	defer p.mu.Unlock()
	p.back, p.err = true, err
	return err
}

func (p *passage) admit(r *record.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	switch {
	case p.over:
		return errNextLate // Track has returned, so that only this caller can be told
	case p.called:
		err = errNextTwice
	case r == nil:
		err = errNextNil
	case r.ID != p.id || r.Kind != p.kind || !sameActor(&r.Actor, &p.actor):
		err = errNextOther
	default:
		p.called = true
		return nil
	}
	if p.broken == nil {
		p.broken = err
	}
	return err
}

func sameActor(a, b *audit.Actor) bool {
	for ; a != nil && b != nil; a, b = a.OnBehalfOf, b.OnBehalfOf {
		if a.Type != b.Type || a.ID != b.ID || a.Name != b.Name || a.AuthMethod != b.AuthMethod ||
			a.SessionID != b.SessionID || !slices.Equal(a.Roles, b.Roles) {
			return false
		}
	}
	return a == b
}

// dropError is ErrDropped with the processor's name.
type dropError struct{ processor string }

func (e *dropError) Error() string { return ErrDropped.Error() + ": " + e.processor }
func (e *dropError) Unwrap() error { return ErrDropped }
