package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/recordpool"
)

// batcher exports records from a bounded queue in memory. One goroutine takes them
// from the queue and makes all Export calls.
type batcher struct {
	sink
	config  Config
	queue   *queue
	flushes chan flush
	closing chan struct{} // closed by Shutdown, when no Track call is running
	abort   context.CancelFunc
	life    context.Context // ends when Shutdown's context does
	done    chan struct{}   // closed when the goroutine has returned
	undone  int             // records given up during Shutdown; read once done is closed
}

// flush asks for everything queued so far to be exported.
type flush struct {
	done chan error // buffered
}

// NewBatcher returns a delivery that queues records in memory. The caller has checked c
// with CheckBatcher.
func NewBatcher(e export.Exporter, c Config, env Env) Delivery {
	c.BatchSize = min(c.BatchSize, c.QueueSize)
	b := &batcher{
		sink:    newSink(e, env),
		config:  c,
		queue:   newQueue(c.QueueSize, c.BatchSize),
		flushes: make(chan flush),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	b.life, b.abort = context.WithCancel(context.Background())
	go b.loop()
	return b
}

func (b *batcher) Name() string { return b.name }

func (b *batcher) Deliver(_ context.Context, r *record.Record, wait time.Duration) error {
	r = recordpool.Copy(r) // the caller may use its own again
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
			return audit.ErrFull
		}
	}
	return b.queued()
}

func (b *batcher) DeliverAll(ctx context.Context, records []*record.Record, wait time.Duration) []error {
	return eachOf(records, wait, func(r *record.Record, left time.Duration) error { return b.Deliver(ctx, r, left) })
}

// queued returns the result of a Deliver whose record is in the queue. Normally Shutdown
// closes the batcher when no Track call is running. If its context ended before that,
// the goroutine may have returned without the record.
func (b *batcher) queued() error {
	select {
	case <-b.closing:
		return errors.Join(audit.ErrShutdown, audit.ErrMaybeStored)
	default:
		return nil
	}
}

// loop runs in its own goroutine. It waits for a first record, then until the batch is
// full or BatchInterval has passed.
func (b *batcher) loop() {
	defer close(b.done)
	batch := make([]*record.Record, 0, b.config.BatchSize)
	timer := time.NewTimer(b.config.BatchInterval)
	timer.Stop()
	waiting := false // whether the timer runs
	for {
		select {
		case <-b.queue.wake:
			if n := b.queue.len(); n < b.config.BatchSize {
				if n > 0 && !waiting {
					waiting = true
					timer.Reset(b.config.BatchInterval)
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
		batch = b.queue.take(batch[:0], b.config.BatchSize)
		_ = b.exportBatch(batch) // giveUp has logged and counted
	}
}

// drain exports everything that is queued when it is called.
func (b *batcher) drain(batch []*record.Record) error {
	var errs []error
	for left := b.queue.len(); left > 0; left -= len(batch) {
		batch = b.queue.take(batch[:0], min(left, b.config.BatchSize))
		errs = append(errs, b.exportBatch(batch))
	}
	return errors.Join(errs...)
}

// lostError counts the records that were given up.
type lostError struct {
	records int
	err     error
}

func (e *lostError) Error() string {
	return fmt.Sprintf("%d records were not delivered: %v", e.records, e.err)
}

func (e *lostError) Unwrap() error { return e.err }

// exportBatch exports the batch, and lets its records be used again if nobody can refer to
// them any more.
func (b *batcher) exportBatch(batch []*record.Record) error {
	// The exporter gets a slice of its own. One that moves records in it, which it must not,
	// cannot release a record twice.
	err := b.exportAll(slices.Clone(batch))
	if err == nil {
		for _, r := range batch {
			recordpool.Put(r)
		}
	}
	clear(batch)
	return err
}

// exportAll exports the batch and retries what failed. It logs and counts the records
// that it gives up, and returns a *lostError for them.
func (b *batcher) exportAll(batch []*record.Record) error {
	if len(batch) == 0 {
		return nil
	}
	left := batch
	lost := 0
	var last error
	for attempt := 1; ; attempt++ {
		err := b.exportWithin(b.life, b.config.ExportTimeout, left)
		if err == nil {
			break
		}
		var rejected []*record.Record
		left, rejected, _ = split(left, err)
		lost += b.giveUp(rejected, err)
		last = err
		if len(left) == 0 {
			break
		}
		if attempt >= b.config.MaxAttempts || b.life.Err() != nil || !sleep(b.life, b.config.delay(attempt, err), nil) {
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

// giveUp logs the IDs of lost records, never their content, and counts them.
func (b *batcher) giveUp(records []*record.Record, err error) int {
	if len(records) == 0 {
		return 0
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID.String()
	}
	b.logger.LogAttrs(b.life, slog.LevelError, "audit: records were lost, because the exporter did not accept them",
		slog.String("exporter", b.name), slog.Int("records", len(records)), slog.Any("ids", ids), slog.Any("error", err))
	b.metrics.lost.Add(b.life, int64(len(records)), b.metrics.exporter...)
	b.counts.Lost(b.name, records)
	select {
	case <-b.closing:
		b.undone += len(records)
	default:
	}
	return len(records)
}

func (b *batcher) ForceFlush(ctx context.Context) error {
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

// Shutdown exports what is queued. When ctx ends first, it gives up the rest, and logs and
// counts it.
func (b *batcher) Shutdown(ctx context.Context) error {
	close(b.closing)
	stop := context.AfterFunc(ctx, b.abort)
	defer stop()
	defer b.abort()
	select {
	case <-b.done:
	case <-ctx.Done():
		// Now the goroutine gives up as soon as the exporter returns.
		select {
		case <-b.done:
		case <-time.After(abortGrace):
			return fmt.Errorf("an export is still running, with %d or more records undelivered: %w", b.queue.len(), ctx.Err())
		}
	}
	err := b.shutdown(ctx)
	if b.undone > 0 {
		err = errors.Join(fmt.Errorf("%d records were not delivered", b.undone), err)
	}
	return err
}
