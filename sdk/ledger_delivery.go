package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"go.opentelemetry.io/otel/metric"
)

// ledgerDelivery stores records in a ledger, from which followers bring them to the
// exporters.
type ledgerDelivery struct {
	id          string
	ledger      *ledger.Ledger
	attempts    *ledger.Pairs
	logger      *slog.Logger
	followers   []*follower
	deadLetters *deadLetters
	observing   metric.Registration
	deadlines   deadlines
	encoded     sync.Pool // of *[]byte
}

func openLedger(p *TrackerProvider, name, dir string, exporters []export.Exporter, c ledgerConfig) (*ledgerDelivery, error) {
	l, err := ledger.Open(dir, c.ledger...)
	if err != nil {
		return nil, fmt.Errorf("WithLedger: %w", err)
	}
	d := &ledgerDelivery{id: name, ledger: l, logger: p.logger}
	d.deadLetters = newDeadLetters(dir, p)
	d.reportRecovery()
	open, err := d.openAttempts()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("WithLedger: %w", err), l.Close())
	}

	records := newDecoder(len(exporters))
	for _, e := range exporters {
		cursor, err := l.Cursor(e.Name())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("WithLedger: %w", err), l.Close())
		}
		d.followers = append(d.followers, newFollower(p, d, e, cursor, records, c))
	}
	d.reportOrphans()
	if d.observing, err = p.metrics.observe(d); err != nil {
		return nil, errors.Join(fmt.Errorf("WithLedger: %w", err), l.Close())
	}
	for _, f := range d.followers {
		go f.loop() // it may make room
	}
	d.closeAttempts(p, open)
	return d, nil
}

// reportRecovery logs what opening the ledger has found.
func (d *ledgerDelivery) reportRecovery() {
	r := d.ledger.Recovered()
	if r.Cut != nil {
		d.logger.Warn("audit: the ledger's last write was cut off when the process or machine stopped; nothing of it was acknowledged",
			slog.String("ledger", d.id), slog.String("segment", r.Cut.Segment), slog.Int64("offset", r.Cut.Offset))
	}
	for _, err := range r.Damage {
		d.logger.Error("audit: the ledger is damaged", slog.String("ledger", d.id), slog.Any("error", err))
	}
}

// reportOrphans logs cursors without an exporter: they keep records from being
// removed.
func (d *ledgerDelivery) reportOrphans() {
	for _, name := range d.ledger.Cursors() {
		if !slices.ContainsFunc(d.followers, func(f *follower) bool { return f.id == name }) {
			d.logger.Warn("audit: the ledger has a cursor of an exporter that is not configured; it holds back retention until Ledger.RemoveCursor",
				slog.String("ledger", d.id), slog.String("exporter", name))
		}
	}
}

func (d *ledgerDelivery) name() string { return d.id }

func (d *ledgerDelivery) deliver(ctx context.Context, r *record.Record, wait time.Duration) error {
	room, _ := d.encoded.Get().(*[]byte) // nothing else is in there
	if room == nil {
		room = new([]byte)
	}
	var err error
	if *room, err = r.AppendJSON((*room)[:0]); err != nil {
		return err
	}
	ctx = d.deadlines.context(ctx, wait)
	if r.BeginsAttempt() {
		_, err = d.attempts.Append(ctx, *room)
	} else {
		_, err = d.ledger.Append(ctx, *room)
	}
	if cap(*room) <= maxEncoded {
		d.encoded.Put(room)
	}
	return ledgerError(err)
}

// maxEncoded is the largest room for encoding that is used again.
const maxEncoded = 64 << 10

// ledgerError translates the errors of a ledger.
func ledgerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrMaybeStored):
		return errors.Join(audit.ErrMaybeStored, err)
	case errors.Is(err, ledger.ErrFull):
		return errors.Join(audit.ErrLedgerFull, err)
	case errors.Is(err, ledger.ErrCrowded):
		return errors.Join(ErrTooManyAttempts, err)
	case errors.Is(err, ledger.ErrClosed):
		return errors.Join(audit.ErrShutdown, err)
	}
	return err
}

// forceFlush waits until the exporters have what is in the ledger now.
func (d *ledgerDelivery) forceFlush(ctx context.Context) error {
	if err := d.unlessHung(ctx, d.ledger.Sync); err != nil {
		return err
	}
	last := d.ledger.Stats().Next - 1
	return d.each(func(f *follower) error { return f.flush(ctx, last) })
}

// shutdown has the exporters catch up, and closes the ledger. What is left when ctx
// ends stays in it.
func (d *ledgerDelivery) shutdown(ctx context.Context) error {
	return errors.Join(
		d.unlessHung(ctx, d.ledger.Sync),
		d.each(func(f *follower) error { return f.shutdown(ctx) }),
		d.observing.Unregister(),
		d.unlessHung(ctx, func() error { return errors.Join(d.ledger.Close(), d.deadLetters.close()) }),
	)
}

// unlessHung calls f, which touches the disk, and leaves it behind when ctx ends.
func (d *ledgerDelivery) unlessHung(ctx context.Context, f func() error) error {
	returned := make(chan error, 1)
	go func() { returned <- f() }()
	select {
	case err := <-returned:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-returned:
		return err
	case <-time.After(diskGrace):
		return fmt.Errorf("the disk does not answer: %w", ctx.Err())
	}
}

// diskGrace is how long the disk has to answer after a context ended, so that the
// ledger is closed and unlocked nevertheless.
const diskGrace = 2 * time.Second

func (d *ledgerDelivery) each(f func(*follower) error) error {
	errs := make([]error, len(d.followers))
	var wg sync.WaitGroup
	for i, follower := range d.followers {
		wg.Go(func() {
			if err := f(follower); err != nil {
				errs[i] = fmt.Errorf("%s: %w", follower.id, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
