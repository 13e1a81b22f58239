package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// syncer exports each record before Track returns. One goroutine makes all Export calls,
// so Track can return while Export hangs. A caller that has taken the turn may send a
// call to the goroutine, which releases the turn when Export has returned.
type syncer struct {
	sink
	turn    chan struct{}  // holds an element while the turn is taken
	calls   chan *syncCall // to the goroutine; nil ends it
	done    chan struct{}  // closed when the goroutine has returned
	closing chan struct{}  // closed by Shutdown

	mu      sync.Mutex
	running *syncCall
	// alarm fires at the deadline of the running call. It stays armed between calls,
	// because setting it for each call costs more than firing in vain from time to time.
	alarm *time.Timer
	armed bool
}

// syncCall is an export for which a Track call, or the end of a scope, waits.
type syncCall struct {
	ctx     boundedContext
	wait    time.Duration
	one     [1]*record.Record // backs records, usually
	records []*record.Record
	settled sync.WaitGroup // done when err is set
	over    bool           // whether err is set; guarded by the syncer's mu
	err     error
}

var (
	errSyncTimeout = errors.New("the exporter did not finish within the track timeout")
	errSyncBusy    = errors.New("the exporter was busy for the track timeout")
)

// NewSyncer returns a delivery that exports each record before Deliver returns.
func NewSyncer(e export.Exporter, env Env) Delivery {
	s := newSink(e, env)
	if d, ok := e.(export.DirectExporter); ok && d.Direct() {
		return &directSyncer{sink: s}
	}
	return newSyncer(s)
}

func newSyncer(to sink) *syncer {
	s := &syncer{
		sink:    to,
		turn:    make(chan struct{}, 1),
		calls:   make(chan *syncCall),
		done:    make(chan struct{}),
		closing: make(chan struct{}),
	}
	s.alarm = time.AfterFunc(time.Hour, s.expire)
	s.alarm.Stop()
	go s.loop()
	return s
}

func (s *syncer) Name() string { return s.name }

func (s *syncer) Deliver(ctx context.Context, r *record.Record, wait time.Duration) error {
	c := &syncCall{one: [1]*record.Record{r}, wait: wait}
	c.records = c.one[:]
	return s.run(ctx, c)
}

func (s *syncer) DeliverAll(ctx context.Context, records []*record.Record, wait time.Duration) []error {
	return errsOf(len(records), s.run(ctx, &syncCall{records: records, wait: wait}))
}

// run passes the call to the goroutine and waits for its result.
func (s *syncer) run(ctx context.Context, c *syncCall) error {
	deadline := time.Now().Add(c.wait)
	if err := s.takeTurn(deadline); err != nil {
		return err
	}
	c.ctx.values, c.ctx.deadline = ctx, deadline
	c.settled.Add(1)
	s.mu.Lock()
	s.running = c
	if !s.armed {
		s.armed = true
		s.alarm.Reset(time.Until(deadline))
	}
	s.mu.Unlock()
	s.calls <- c
	c.settled.Wait()
	return c.err
}

// takeTurn waits until no other call is running.
func (s *syncer) takeTurn(deadline time.Time) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-s.closing:
		return audit.ErrShutdown
	case <-timer.C:
		return errSyncBusy
	}
}

// loop runs in its own goroutine.
func (s *syncer) loop() {
	defer close(s.done)
	for c := <-s.calls; c != nil; c = <-s.calls {
		err := s.export(&c.ctx, c.records)
		c.ctx.cancel(context.Canceled)
		s.mu.Lock()
		s.running = nil
		c.settle(err)
		s.mu.Unlock()
		<-s.turn
	}
}

// settle sets the result of the call and wakes the waiting Track call. Only the first
// result counts. The syncer's mu is held.
func (c *syncCall) settle(err error) {
	if !c.over {
		c.over, c.err = true, err
		c.settled.Done()
	}
}

// expire ends the wait for the running call if its deadline has passed.
func (s *syncer) expire() {
	if c := s.expired(); c != nil {
		s.reportHung("Export", c.wait)
	}
}

// expired settles the running call if its deadline has passed, and returns it.
func (s *syncer) expired() *syncCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	c := s.running
	if c == nil || c.over {
		return nil
	}
	if left := time.Until(c.ctx.deadline); left > 0 {
		s.armed = true
		s.alarm.Reset(left)
		return nil
	}
	c.settle(errors.Join(errSyncTimeout, audit.ErrMaybeStored))
	return c
}

// ForceFlush returns nil: every record that Track accepted is exported.
func (s *syncer) ForceFlush(context.Context) error { return nil }

// Shutdown waits for the running call, ends the goroutine, and shuts the exporter down.
func (s *syncer) Shutdown(ctx context.Context) error {
	close(s.closing)
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		go func() { // ends the goroutine once Export returns
			s.turn <- struct{}{}
			s.endLoop()
		}()
		return fmt.Errorf("an export is still running: %w", ctx.Err())
	}
	s.endLoop()
	return s.shutdown(ctx)
}

// endLoop ends the goroutine. The caller has taken the turn.
func (s *syncer) endLoop() {
	s.calls <- nil
	<-s.done
	s.alarm.Stop()
}
