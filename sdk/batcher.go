package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
)

// batcher delivers records from a bounded queue in memory. One goroutine, which
// it owns, takes them from the queue and makes all calls of Export.
type batcher struct {
	config   batchConfig
	exporter export.Exporter
	id       string
	metrics  exporterMetrics
	logger   *slog.Logger
	queue    *queue
	flushes  chan flush
	closing  chan struct{} // closed by shutdown, when no Track call is left inside
	abort    context.CancelFunc
	life     context.Context // ends when shutdown's context does
	done     chan struct{}   // closed when the goroutine has returned
	undone   int             // how many records it gave up during shutdown; read after done
}

// flush asks for everything queued so far to be exported.
type flush struct {
	done chan error // has room for one
}

func newBatcher(p *TrackerProvider, e export.Exporter, c batchConfig) *batcher {
	b := &batcher{
		config:   c,
		exporter: e,
		id:       e.Name(),
		metrics:  p.metrics.of(e.Name()),
		logger:   p.logger,
		queue:    newQueue(c.queueSize, c.batchSize),
		flushes:  make(chan flush),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	b.life, b.abort = context.WithCancel(context.Background())
	go b.loop()
	return b
}

func (b *batcher) name() string { return b.id }

func (b *batcher) deliver(_ context.Context, r *record.Record, wait time.Duration) error {
	full := b.queue.put(r)
	if full == nil {
		return b.queued()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for full != nil {
		select {
		case <-full:
			full = b.queue.put(r)
		case <-b.closing:
			return audit.ErrShutdown
		case <-timer.C:
			return audit.ErrQueueFull
		}
	}
	return b.queued()
}

// queued says what it means that a record is in the queue. Shutdown closes the
// queue when no Track call is left inside, unless its context ends first: then
// the goroutine may have gone already.
func (b *batcher) queued() error {
	select {
	case <-b.closing:
		return errors.Join(audit.ErrShutdown, audit.ErrMaybeStored)
	default:
		return nil
	}
}

// loop is the goroutine. It waits for a first record, then for the batch to be
// full or old enough.
func (b *batcher) loop() {
	defer close(b.done)
	batch := make([]*record.Record, 0, b.config.batchSize)
	timer := time.NewTimer(b.config.interval)
	timer.Stop()
	waiting := false // the timer runs
	for {
		select {
		case <-b.queue.wake:
			if n := b.queue.len(); n < b.config.batchSize {
				if n > 0 && !waiting {
					waiting = true
					timer.Reset(b.config.interval)
				}
				continue
			}
		case <-timer.C:
		case f := <-b.flushes:
			f.done <- b.drain(batch)
			continue
		case <-b.closing:
			timer.Stop()
			_ = b.drain(batch) // giveUp has counted
			return
		}
		waiting = false
		timer.Stop()
		batch = b.queue.take(batch[:0], b.config.batchSize)
		_ = b.export(batch) // giveUp has logged and counted
		clear(batch)
	}
}

// drain exports all that is queued at the moment.
func (b *batcher) drain(batch []*record.Record) error {
	var errs []error
	for left := b.queue.len(); left > 0; left -= len(batch) {
		batch = b.queue.take(batch[:0], min(left, b.config.batchSize))
		errs = append(errs, b.export(batch))
	}
	clear(batch)
	return errors.Join(errs...)
}

// lostError says how many records were given up.
type lostError struct {
	records int
	err     error
}

func (e *lostError) Error() string {
	return fmt.Sprintf("%d records were not delivered: %v", e.records, e.err)
}

func (e *lostError) Unwrap() error { return e.err }

// export tries until the sink has the records or they are given up, which is
// logged, counted and returned.
func (b *batcher) export(batch []*record.Record) error {
	if len(batch) == 0 {
		return nil
	}
	left := batch
	lost := 0
	var last error
	for attempt := 1; ; attempt++ {
		err := b.attempt(left)
		if err == nil {
			break
		}
		var refused []*record.Record
		left, refused = sortOut(left, err)
		lost += b.giveUp(refused, err)
		last = err
		if len(left) == 0 {
			break
		}
		if attempt >= b.config.maxAttempts || b.life.Err() != nil || !b.pause(attempt, err) {
			lost += b.giveUp(left, err)
			break
		}
		b.metrics.retried.Add(b.life, int64(len(left)), b.metrics.exporter...)
	}
	if lost > 0 {
		return &lostError{records: lost, err: last}
	}
	return nil
}

// attempt calls Export once.
func (b *batcher) attempt(records []*record.Record) error {
	ctx, cancel := context.WithTimeout(b.life, b.config.exportTimeout)
	defer cancel()
	start := b.metrics.start(ctx)
	err := exportOne(ctx, b.exporter, records)
	delivered := 0
	var partial *export.PartialError
	switch {
	case err == nil:
		delivered = len(records)
	case errors.As(err, &partial):
		delivered = len(records) - len(partial.Rejected)
	}
	b.metrics.export(ctx, start, delivered, err)
	return err
}

// sortOut tells from an export error which records are worth another attempt and
// which are refused for good; the others were delivered.
func sortOut(records []*record.Record, err error) (again, refused []*record.Record) {
	var partial *export.PartialError
	if !errors.As(err, &partial) {
		if export.IsPermanent(err) {
			return nil, records
		}
		return records, nil
	}
	for i, r := range records {
		switch reason, rejected := partial.Rejected[i]; {
		case !rejected:
		case export.IsPermanent(reason):
			refused = append(refused, r)
		default:
			again = append(again, r)
		}
	}
	return again, refused
}

// giveUp logs the ids of what is lost, never its content.
func (b *batcher) giveUp(records []*record.Record, err error) int {
	if len(records) == 0 {
		return 0
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID.String()
	}
	b.logger.LogAttrs(b.life, slog.LevelError, "audit: records were lost: the exporter did not take them",
		slog.String("exporter", b.id), slog.Int("records", len(records)), slog.Any("ids", ids), slog.Any("error", err))
	b.metrics.lost.Add(b.life, int64(len(records)), b.metrics.exporter...)
	select {
	case <-b.closing:
		b.undone += len(records)
	default:
	}
	return len(records)
}

// pause waits before the next attempt and reports false when there is none.
func (b *batcher) pause(attempt int, err error) bool {
	timer := time.NewTimer(b.config.pauseAfter(attempt, err))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.life.Done():
		return false
	}
}

func (b *batcher) forceFlush(ctx context.Context) error {
	f := flush{done: make(chan error, 1)}
	select {
	case b.flushes <- f:
	case <-b.closing:
		return audit.ErrShutdown
	case <-ctx.Done():
		return fmt.Errorf("%d or more records are not delivered yet: %w", b.queue.len(), ctx.Err())
	}
	select {
	case err := <-f.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%d or more records are not delivered yet: %w", b.queue.len(), ctx.Err())
	}
}

// shutdown delivers what is queued. When ctx ends first, it gives up what is
// left, which is logged and counted.
func (b *batcher) shutdown(ctx context.Context) error {
	close(b.closing)
	stop := context.AfterFunc(ctx, b.abort)
	defer stop()
	defer b.abort()
	select {
	case <-b.done:
	case <-ctx.Done():
		// The goroutine gives up as soon as the exporter returns.
		select {
		case <-b.done:
		case <-time.After(abortGrace):
			return fmt.Errorf("an export is still running, with %d or more records undelivered: %w", b.queue.len(), ctx.Err())
		}
	}
	err := shutdownExporter(ctx, b.exporter)
	if b.undone > 0 {
		err = errors.Join(fmt.Errorf("%d records were not delivered", b.undone), err)
	}
	return err
}

// abortGrace is how long an exporter has to return after its context ended.
const abortGrace = 100 * time.Millisecond
