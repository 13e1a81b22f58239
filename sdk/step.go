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

// step runs one of the application's processors and enforces its contract.
type step struct {
	processor Processor
	name      string
	next      stage
}

func newStep(p Processor, next stage) *step {
	return &step{processor: p, name: processorName(p), next: next}
}

// processorName returns the name of the processor's type. Its values must not be shown.
func processorName(p Processor) string { return fmt.Sprintf("%T", p) }

// The ways in which a processor breaks its contract.
var (
	errNextTwice  = errors.New("it called next twice")
	errNextLate   = errors.New("it called next after it had returned")
	errNextOther  = errors.New("it called next with another record; it must not change ID, Kind and Actor")
	errNextNil    = errors.New("it called next with nil")
	errLeftEarly  = errors.New("it returned before next did")
	errNoReturned = errors.New("it ended its goroutine")
)

// passage is the path of one record through a step.
type passage struct {
	step  *step
	ctx   context.Context
	id    audit.ID
	kind  audit.Kind
	actor audit.Actor
	scope *audit.Scope

	mu           sync.Mutex
	called       bool  // next was called
	nextReturned bool  // next has returned
	over         bool  // the processor has returned
	violation    error // first violation of the contract
	nextErr      error // result of next
}

func (s *step) run(ctx context.Context, scope *audit.Scope, r *record.Record) error {
	p := &passage{step: s, ctx: ctx, id: r.ID, kind: r.Kind, actor: r.Actor.Clone(), scope: scope}
	err := p.process(ctx, r)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	delivered := p.nextReturned && p.nextErr == nil
	switch {
	case p.called && !p.nextReturned:
		return &ProcessorError{Processor: s.name, Err: errors.Join(errLeftEarly, audit.ErrMaybeStored)}
	case p.violation != nil:
		return &ProcessorError{Processor: s.name, Delivered: delivered, Err: errors.Join(p.violation, p.nextErr)}
	case err == nil && !p.called:
		return &dropError{s.name}
	case err == nil:
		return p.nextErr // a processor must not swallow it
	case p.nextErr == nil || !errors.Is(err, p.nextErr):
		return &ProcessorError{Processor: s.name, Delivered: delivered, Err: errors.Join(err, p.nextErr)}
	}
	return err
}

// process calls the processor. It turns a panic into an error.
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

// next is the Next function of the processor.
func (p *passage) next(ctx context.Context, r *record.Record) error {
	if err := p.admit(r); err != nil {
		return &ProcessorError{Processor: p.step.name, Delivered: false, Err: err}
	}
	if ctx == nil {
		ctx = p.ctx
	}
	// The processor may have retained r, so the next stage gets a copy.
	err := p.step.next(ctx, p.scope, r.Clone())

	p.mu.Lock()
	defer p.mu.Unlock()
	p.nextReturned, p.nextErr = true, err
	return err
}

// admit checks a call of next. It records the first violation of the contract.
func (p *passage) admit(r *record.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	switch {
	case p.over:
		return errNextLate // Track has returned, so only this caller gets the error
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
	if p.violation == nil {
		p.violation = err
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
