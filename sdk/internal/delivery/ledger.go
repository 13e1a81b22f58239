package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/control"
	"github.com/opendeed/audit/sdk/internal/folding"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Ledger stores records in a ledger on disk, from which followers export them.
type Ledger struct {
	name        string
	dir         string // absolute
	ledger      *ledger.Ledger
	attempts    *ledger.Pairs
	open        *openAttempts
	shares      *shares
	shareFile   *shareFile
	logger      *slog.Logger
	metrics     *Metrics
	label       metric.MeasurementOption // the ledger's name
	followers   []*follower
	sealer      *seal.Sealer // nil: the ledger is not sealed
	deadLetters *deadLetters
	control     *control.Server // nil if nobody listens
	observing   metric.Registration
	deadlines   deadlines
	drained     func(*Ledger) error
	encoded     sync.Pool // *[]byte, buffers for encoding records
}

var _ Delivery = (*Ledger)(nil)

// LedgerConfig configures a Ledger.
type LedgerConfig struct {
	Name      string
	Dir       string
	Options   []ledger.Option
	Exporters []Following
	Env       Env
	// Closing configures the records that close attempts which the last process left open.
	Closing Closing
	// Control listens for commands.
	Control bool
	// AttemptTimeout is how long an open attempt keeps its slot.
	AttemptTimeout time.Duration
	// Seal says how the ledger is sealed.
	Seal Sealing
	// Drained is called by Shutdown when the exporters have stopped.
	Drained func(*Ledger) error
}

// OpenLedger opens the ledger, starts its followers, and closes the attempts that the
// last process left open.
func OpenLedger(c LedgerConfig) (*Ledger, error) {
	options := append(slices.Clip(c.Options), ledger.WithDamageHandler(func(damage *ledger.CorruptError) {
		c.Env.Logger.Error("audit: a file of the ledger is damaged; restore it from a backup while the rest is intact",
			slog.String("ledger", c.Name), slog.Any("error", damage))
	}), ledger.WithErrorHandler(func(err error) {
		c.Env.Logger.Warn("audit: the indexes of the ledger are not up to date; searches are slower, and nothing is lost",
			slog.String("ledger", c.Name), slog.Any("error", err))
	}))
	if c.Seal.Key != nil {
		options = append(options, ledger.WithoutRetention())
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(c.Dir, options...)
	if errors.Is(err, ledger.ErrOwnRetention) {
		return nil, errSealedRetention
	}
	if err != nil {
		return nil, err
	}
	d := &Ledger{
		name: c.Name, dir: dir, ledger: l, logger: c.Env.Logger, metrics: c.Env.Metrics, drained: c.Drained,
		label: metric.WithAttributeSet(attribute.NewSet(attribute.String("ledger", c.Name))),
	}
	if err := d.start(&c); err != nil {
		return nil, errors.Join(err, d.control.Close(), d.stopSeal(context.Background()), l.Close())
	}
	return d, nil
}

func (d *Ledger) start(c *LedgerConfig) error {
	d.deadLetters = newDeadLetters(c, d.ledger)
	d.reportRecovery(d.ledger, d.name)
	if err := d.deadLetters.openExisting(d.reportRecovery); err != nil {
		d.logger.Error("audit: the dead letters cannot be opened; they do not count toward the size limit",
			slog.String("ledger", d.name), slog.Any("error", err))
	}
	d.openShares(c.Dir)
	d.open = newOpenAttempts(c.AttemptTimeout, d.expireAttempts)
	open, err := d.openAttempts()
	if err != nil {
		return err
	}

	if err := d.startSeal(&c.Seal); err != nil {
		return err
	}
	d.warnAlone(c.Exporters)
	records := newDecoder(len(c.Exporters))
	d.reportNewExporters(c.Exporters)
	for _, to := range c.Exporters {
		cursor, err := d.ledger.Cursor(to.Exporter.Name())
		if err != nil {
			return err
		}
		d.followers = append(d.followers, newFollower(d.ledger, cursor, to, records, d.deadLetters, c.Env))
	}
	d.reportOrphans()
	if c.Control {
		var err error
		if d.control, err = control.Serve(d.dir, d.RemoveBefore); err != nil {
			return err
		}
	}
	if d.observing, err = d.observe(c.Env.Metrics); err != nil {
		return err
	}
	for _, f := range d.followers {
		go f.loop() // before closeAttempts, which may need room
		if f.courier = newCourier(f, d.sealer); f.courier != nil {
			go f.courier.loop()
		}
	}
	d.closeAttempts(&c.Closing, open)
	return nil
}

// observe registers the gauges of the ledger.
func (d *Ledger) observe(m *Metrics) (metric.Registration, error) {
	name := attribute.String("ledger", d.name)
	return m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		stats := d.ledger.Stats()
		o.ObserveInt64(m.bytes, stats.Bytes, d.label)
		o.ObserveInt64(m.damage, int64(stats.Damaged), d.label)
		o.ObserveInt64(m.letterBytes, d.deadLetters.bytes(), d.label)
		o.ObserveInt64(m.openAttempts, int64(d.open.len()), d.label)
		if d.sealer != nil {
			o.ObserveInt64(m.sealDelay, int64(d.sealer.Delay().Seconds()), d.label)
		}
		for cursor, committed := range stats.Cursors { // also of exporters that are not configured any more
			if d.ofSeal(cursor) {
				continue
			}
			left := int64(stats.Next - 1 - committed)
			o.ObserveInt64(m.depth, left, metric.WithAttributes(name, attribute.String("exporter", cursor)))
		}
		return nil
	}, m.depth, m.bytes, m.damage, m.letterBytes, m.openAttempts, m.sealDelay)
}

// reportRecovery logs what opening the ledger found.
func (d *Ledger) reportRecovery(l *ledger.Ledger, name string) {
	r := l.Recovery()
	if r.Torn != nil {
		d.logger.Warn("audit: the ledger's last write was interrupted when the process or the machine stopped; it had not been acknowledged",
			slog.String("ledger", name), slog.String("segment", r.Torn.Segment), slog.Int64("offset", r.Torn.Offset))
	}
	for _, err := range r.Damage {
		d.logger.Error("audit: the ledger is damaged", slog.String("ledger", name), slog.Any("error", err))
	}
}

// ID returns the ID of the ledger, as places and archives have it.
func (d *Ledger) ID() string { return logID(d.ledger) }

// Name returns the name of the ledger.
func (d *Ledger) Name() string { return d.name }

// Err returns why the ledger stores nothing any more, or nil.
func (d *Ledger) Err() error { return ledgerError(d.ledger.Err()) }

// Deliver stores the record in the ledger.
func (d *Ledger) Deliver(ctx context.Context, r *record.Record, wait time.Duration) error {
	buffer, _ := d.encoded.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	var err error
	if *buffer, err = r.AppendJSON((*buffer)[:0]); err != nil {
		return err
	}
	p := party.FromContext(ctx)
	ctx = d.deadlines.context(ctx, wait)
	var seq uint64
	if r.BeginsAttempt() {
		seq, err = d.begin(ctx, r, p, *buffer)
	} else {
		seq, err = d.ledger.Append(ctx, *buffer)
	}
	if err == nil {
		d.stored(r, p, seq, len(*buffer))
	}
	if cap(*buffer) <= maxEncoded {
		d.encoded.Put(buffer)
	}
	return ledgerError(err)
}

// DeliverAll stores the records, as many at once as a segment has room for.
func (d *Ledger) DeliverAll(ctx context.Context, records []*record.Record, wait time.Duration) []error {
	room := d.ledger.Limits().Segment / 2
	errs := make([]error, len(records))
	failed := false
	deadline := time.Now().Add(wait)
	for at := 0; at < len(records); {
		entries, err := encodeSome(records[at:], room)
		n := max(1, len(entries))
		if err == nil {
			err = d.append(ctx, records[at:at+n], entries, time.Until(deadline))
		}
		for i := range n {
			errs[at+i] = err
		}
		failed = failed || err != nil
		at += n
	}
	if !failed {
		return nil
	}
	return errs
}

// encodeSome encodes the first records, with at most size bytes, but at least one. If the
// first cannot be encoded, it returns the error and no entry; one after it is left.
func encodeSome(records []*record.Record, size int64) (entries [][]byte, err error) {
	for _, r := range records {
		entry, failed := r.AppendJSON(nil)
		if len(entries) > 0 && (failed != nil || int64(len(entry)) > size) {
			break
		}
		if failed != nil {
			return nil, failed
		}
		size -= int64(len(entry))
		entries = append(entries, entry)
	}
	return entries, nil //nolint:nilerr // the next call returns the error of the next record
}

// append stores the entries of records at once.
func (d *Ledger) append(ctx context.Context, records []*record.Record, entries [][]byte, wait time.Duration) error {
	p := party.FromContext(ctx)
	first, err := d.ledger.Append(d.deadlines.context(ctx, max(0, wait)), entries...)
	if err != nil {
		return ledgerError(err)
	}
	for i, r := range records {
		d.stored(r, p, first+uint64(i), len(entries[i]))
	}
	return nil
}

// stored counts a record that is in the ledger.
func (d *Ledger) stored(r *record.Record, p party.Party, seq uint64, bytes int) {
	if !r.Attempt.IsZero() && !r.BeginsAttempt() {
		d.open.end(r.Attempt)
	}
	if p.Class == party.Trusted {
		return
	}
	switch {
	case !isFold(r):
	case r.BeginsAttempt():
		d.shares.promise(folding.EndSize)
	default:
		d.shares.promise(-folding.EndSize)
	}
	if d.shares.add(p, seq, int64(bytes)) {
		d.shareFile.saveLater(d.shares)
	}
}

// maxEncoded is the size of the largest buffer that is reused, in bytes.
const maxEncoded = 64 << 10

// ErrTooManyAttempts is sdk.ErrTooManyAttempts.
var ErrTooManyAttempts = errors.New("sdk: too many attempts are open; finish them first")

// errPartyAttempts means that one party has too many open attempts.
var errPartyAttempts = fmt.Errorf("the open attempts of the actor, or of the client's network, have used up their share: %d, or %d bytes", maxPartyAttempts, maxPartyAttemptBytes)

// ledgerError translates the errors of a ledger.
func ledgerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrMaybeStored):
		return errors.Join(audit.ErrMaybeStored, err)
	case errors.Is(err, ledger.ErrFull):
		return errors.Join(audit.ErrFull, err)
	case errors.Is(err, ledger.ErrTooManyPairs), errors.Is(err, errPartyAttempts):
		return errors.Join(ErrTooManyAttempts, err)
	case errors.Is(err, ledger.ErrClosed):
		return errors.Join(audit.ErrShutdown, err)
	}
	return err
}

// ForceFlush syncs the ledger and waits until the exporters have everything in it.
func (d *Ledger) ForceFlush(ctx context.Context) error {
	if err := d.unlessHung(ctx, d.ledger.Sync); err != nil {
		return err
	}
	last := d.ledger.Stats().Next - 1
	return d.each(func(f *follower) error { return f.flush(ctx, last) })
}

// Shutdown lets the exporters catch up and closes the ledger. What they do not have when
// ctx ends stays in the ledger.
func (d *Ledger) Shutdown(ctx context.Context) error {
	err := errors.Join(d.unlessHung(ctx, d.control.Close), d.unlessHung(ctx, d.ledger.Sync))
	sealed := make(chan struct{})
	var sealErr error
	go func() {
		defer close(sealed)
		sealErr = d.stopSeal(ctx)
	}()
	return errors.Join(
		err,
		d.each(func(f *follower) error { return f.stop(ctx, sealed) }),
		d.unlessHung(ctx, func() error { return d.drained(d) }),
		d.observing.Unregister(),
		d.unlessHung(ctx, d.stopAccounting),
		d.unlessHung(ctx, func() error {
			<-sealed
			return errors.Join(sealErr, d.deadLetters.close(), d.ledger.Close())
		}), // whose lock the next process waits for
	)
}

// unlessHung calls f, which accesses the disk, and stops waiting for it diskGrace after
// ctx has ended.
func (d *Ledger) unlessHung(ctx context.Context, f func() error) error {
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

// diskGrace is how long the disk may take after a context ended, so that the ledger is
// usually closed and unlocked.
const diskGrace = 2 * time.Second

// each calls f for all followers at the same time, and joins the errors.
func (d *Ledger) each(f func(*follower) error) error {
	errs := make([]error, len(d.followers))
	var wg sync.WaitGroup
	for i, follower := range d.followers {
		wg.Go(func() {
			if err := f(follower); err != nil {
				errs[i] = fmt.Errorf("%s: %w", follower.name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
