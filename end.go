package audit

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit/internal/covering"
	"github.com/opendeed/audit/internal/pending"
	"github.com/opendeed/audit/internal/signal"
)

// defaultEndTimeout bounds End and Wait in a scope under which no event was tracked. It
// equals the default track timeout of a provider.
const defaultEndTimeout = 10 * time.Second

var errStillPending = errors.New("audit: events were still being tracked when the scope ended; signals that they may cover were recorded")

// End ends the scope. It waits for pending events, tracks what was read as one signal of each
// kind, drops the actor function, and passes the signals that no intent covers to the outer
// scope; without an outer scope they are recorded, all at once. The error joins what failed, and names each signal that was not
// recorded with a *DeliveryError. Only the first call has an effect; later calls return the
// same error.
//
// End has one deadline for all of that: the track timeout of the provider, the longest one
// if events were tracked with several. Canceling ctx does not shorten it, because a client
// that disconnects must not keep its signals out of the trail; only the values of ctx are
// used.
//
// Events may be tracked under the scope's context after End. They keep its channel,
// tenant and metadata, and the actor if it was known; their signals are recorded at once.
func (s *Scope) End(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.endOnce.Do(func() {
		s.endErr = s.end(ctx, func(ctx context.Context, held covering.Signal[heldSignal]) error {
			return settle(ctx, held, s.parent)
		})
	})
	return s.endErr
}

// end ends the scope, and calls dispose for each signal that no intent covers.
func (s *Scope) end(ctx context.Context, dispose disposal) error {
	s.mu.Lock()
	s.state = scopeEnding
	reads := s.reads
	s.reads = nil
	none := s.pending.None()
	idle := none == nil && s.signals.Len() == 0 && len(reads) == 0
	if idle {
		s.close()
	}
	deadline := time.Now().Add(s.timeout())
	s.mu.Unlock()
	if idle {
		return nil
	}

	// Each phase has half of what is left, so that the last one always has some.
	var late error
	if !pending.Wait(context.WithoutCancel(ctx), none, time.Until(deadline)/2) {
		late = errStillPending
	}
	if len(reads) > 0 {
		late = errors.Join(late, s.settleReads(ctx, reads, time.Until(deadline)/2))
	}
	s.fillActors(ctx, time.Until(deadline)/2)

	s.mu.Lock()
	s.close()
	held := s.signals.Take()
	unresolved := s.who.Decides()
	s.mu.Unlock()
	if len(held) == 0 {
		return late
	}
	bounded, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	inBatch, batch := bounded, signal.BatchOf(bounded)
	shared := batch != nil // whoever made it delivers it
	if !shared {
		inBatch, batch = signal.NewBatch(bounded)
	}
	errs := []error{late}
	for i := range held {
		held[i].Value.unresolved = held[i].Value.unresolved || unresolved
		errs = append(errs, dispose(inBatch, held[i]))
	}
	if !shared {
		errs = append(errs, batch.Deliver(bounded))
	}
	return errors.Join(errs...)
}

// disposal does something with a signal that is left when its scope ends.
type disposal func(context.Context, covering.Signal[heldSignal]) error

// close makes the scope ended. s.mu is held.
func (s *Scope) close() {
	s.state = scopeEnded
	s.who.Close()
	s.draft.close()
}

// timeout returns the deadline of End and Wait. s.mu is held.
func (s *Scope) timeout() time.Duration {
	if s.trackTimeout == 0 {
		return defaultEndTimeout
	}
	return s.trackTimeout
}
