package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/record"
)

// syncer delivers each record before Track returns. One goroutine, which it owns,
// makes all calls of Export: nothing but leaving it behind bounds one that hangs.
// Whoever holds the turn may hand a call to the goroutine, which gives the turn
// back when Export has really returned.
type syncer struct {
	exporter export.Exporter
	id       string
	metrics  exporterMetrics
	turn     chan struct{}  // holds an element while the turn is taken
	calls    chan *syncCall // to the goroutine; nil ends it
	done     chan struct{}  // closed when the goroutine has returned
	closing  chan struct{}  // closed by shutdown

	mu      sync.Mutex
	running *syncCall
	// alarm fires at the deadline of the running call. It is left armed between
	// calls, because setting it for each costs more than the occasional idle firing.
	alarm *time.Timer
	armed bool
}

// syncCall is one record that a Track call waits for.
type syncCall struct {
	ctx     boundedContext
	record  [1]*record.Record
	settled sync.WaitGroup // done when err is set
	over    bool           // guarded by the syncer's mutex
	err     error
}

var (
	errSyncTimeout = errors.New("the exporter did not finish within the track timeout")
	errSyncBusy    = errors.New("the exporter was busy for the track timeout")
)

func newSyncer(p *TrackerProvider, e export.Exporter) *syncer {
	s := &syncer{
		exporter: e,
		id:       e.Name(),
		metrics:  p.metrics.of(e.Name()),
		turn:     make(chan struct{}, 1),
		calls:    make(chan *syncCall),
		done:     make(chan struct{}),
		closing:  make(chan struct{}),
	}
	s.alarm = time.AfterFunc(time.Hour, s.expire)
	s.alarm.Stop()
	go s.loop()
	return s
}

func (s *syncer) name() string { return s.id }

func (s *syncer) deliver(ctx context.Context, r *record.Record, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	if err := s.takeTurn(deadline); err != nil {
		return err
	}
	c := &syncCall{record: [1]*record.Record{r}}
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

// takeTurn waits for the calls before this one.
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

// loop is the goroutine.
func (s *syncer) loop() {
	defer close(s.done)
	for c := <-s.calls; c != nil; c = <-s.calls {
		err := s.export(c)
		s.mu.Lock()
		s.running = nil
		c.settle(err)
		s.mu.Unlock()
		<-s.turn
	}
}

func (s *syncer) export(c *syncCall) error {
	start := s.metrics.start(c.ctx.values)
	err := exportOne(&c.ctx, s.exporter, c.record[:])
	c.ctx.cancel(context.Canceled)
	s.metrics.exportOne(c.ctx.values, start, err)
	return err
}

// settle lets the Track call go on, unless it has gone on already. The syncer's
// mutex is held.
func (c *syncCall) settle(err error) {
	if !c.over {
		c.over, c.err = true, err
		c.settled.Done()
	}
}

// expire gives up the running call if its time is over.
func (s *syncer) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	c := s.running
	if c == nil || c.over {
		return
	}
	if left := time.Until(c.ctx.deadline); left > 0 {
		s.armed = true
		s.alarm.Reset(left)
		return
	}
	c.settle(errors.Join(errSyncTimeout, audit.ErrMaybeStored))
}

// forceFlush has nothing to do: what Track accepted is delivered.
func (s *syncer) forceFlush(context.Context) error { return nil }

// shutdown waits for the call under way, keeps the turn, and ends the goroutine.
func (s *syncer) shutdown(ctx context.Context) error {
	close(s.closing)
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		go func() { // ends the goroutine when the export does return
			s.turn <- struct{}{}
			s.endLoop()
		}()
		return fmt.Errorf("an export is still running: %w", ctx.Err())
	}
	s.endLoop()
	return shutdownExporter(ctx, s.exporter)
}

// endLoop is called with the turn.
func (s *syncer) endLoop() {
	s.calls <- nil
	<-s.done
	s.alarm.Stop()
}

// exportOne calls Export and turns a panic into an error: the record may have
// been stored by then.
func exportOne(ctx context.Context, e export.Exporter, records []*record.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(panics.Error(p), audit.ErrMaybeStored)
		}
	}()
	return e.Export(ctx, records)
}

func shutdownExporter(ctx context.Context, e export.Exporter) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panics.Error(p)
		}
	}()
	return e.Shutdown(ctx)
}
