package unit

import (
	"context"
	"errors"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/held"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/plumbing"
)

// part is a scope with what a run of a unit, or a savepoint, holds.
type part struct {
	held  *held.Unit
	scope *audit.Scope
}

func newPart(ctx context.Context, h *held.Unit) (context.Context, *part) {
	ctx, scope := audit.NewScope(ctx, inside.Audit.WithUnit(h))
	return ctx, &part{h, scope}
}

// settle ends a run. What it records goes to the signal.Batch of ctx.
func (p *part) settle(ctx context.Context, end held.End) error {
	err := errors.Join(p.held.Ending(), p.endScope(ctx, end))
	for _, r := range p.held.End(end) {
		r.Settle(ctx, end)
	}
	if end == held.Committed { // the outer scope gets the signals that are left
		err = errors.Join(err, p.scope.End(ctx))
	}
	return err
}

// endScope ends the scope and gives the signals that are left to the unit. If the work was
// committed, it only waits for the events that are being tracked.
func (p *part) endScope(ctx context.Context, end held.End) error {
	switch end {
	case held.Committed:
		return plumbing.Wait(ctx, p.scope)
	case held.Rerun:
		return inside.Audit.EndUnit(ctx, p.scope, signal.Discard)
	default:
		return inside.Audit.EndUnit(ctx, p.scope, signal.Record)
	}
}

// Savepoint is a part of a unit of work that can be undone alone. Its methods may be called
// concurrently.
type Savepoint struct {
	ctx  context.Context
	part *part

	mu  sync.Mutex
	end held.End
}

// NewSavepoint begins a savepoint in the unit of work of ctx, and returns its context. A
// savepoint may have savepoints of its own. The caller ends it with Release or Rollback; one
// that is open when what is around it ends goes its way.
func NewSavepoint(ctx context.Context) (context.Context, *Savepoint, error) {
	outer, _ := inside.Audit.UnitOf(audit.ScopeFromContext(ctx)).(*held.Unit)
	if outer == nil {
		return nil, nil, ErrNoUnit
	}
	s := &Savepoint{ctx: context.WithoutCancel(ctx)}
	s.mu.Lock() // the unit may end meanwhile
	defer s.mu.Unlock()
	h := outer.NewSavepoint(s.Release)
	if h == nil {
		return nil, nil, ErrNoUnit
	}
	ctx, s.part = newPart(ctx, h)
	return ctx, s, nil
}

// Release ends the savepoint. What it holds goes the way of the unit around it.
func (s *Savepoint) Release() error { return s.finish(held.Committed) }

// Rollback ends the savepoint because its work was undone. What it holds becomes failures,
// which are recorded when the unit ends, whether it commits or not.
func (s *Savepoint) Rollback() error { return s.finish(held.RolledBack) }

func (s *Savepoint) finish(end held.End) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.end {
	case end:
		return nil
	case held.Open:
	default:
		return ErrEnded
	}
	s.end = end
	p := s.part
	err := errors.Join(p.held.Ending(), p.endScope(s.ctx, end))
	records := p.held.End(end)
	for _, r := range records {
		if end == held.RolledBack {
			r.Undo()
		}
		r.Outward(s.ctx)
	}
	if !p.held.Pass(records) { // the unit ended meanwhile
		inBatch, batch := signal.NewBatch(s.ctx)
		for _, r := range records {
			r.Settle(inBatch, end)
		}
		err = errors.Join(err, batch.Deliver(s.ctx))
	}
	if end == held.Committed {
		err = errors.Join(err, p.scope.End(s.ctx))
	}
	return err
}
