package sdk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/internal/folding"
	"github.com/opendeed/audit/sdk/internal/gaps"
	"github.com/opendeed/audit/sdk/internal/gate"
	"github.com/opendeed/audit/sdk/internal/limit"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/sdk/internal/records"
	"github.com/opendeed/audit/sdk/redact"
)

// TrackerProvider is the audit.TrackerProvider of the SDK. It is safe for concurrent use.
type TrackerProvider struct {
	embedded.TrackerProvider

	pipeline    pipeline
	deliveries  []delivery.Delivery
	enforcement *enforcement // nil without a policy
	redactor    *redact.Redactor
	fitter      limit.Fitter
	folder      *folding.Folder
	epoch       *gaps.Epoch // nil without WithGapRecords

	closers      []func(context.Context) error
	shutdownOnce sync.Once
	shutdownErr  error
}

var _ audit.TrackerProvider = (*TrackerProvider)(nil)

// NewTrackerProvider returns a provider that is ready to use. It needs at least one
// delivery. If options are wrong, the error lists all problems.
func NewTrackerProvider(opts ...Option) (*TrackerProvider, error) {
	c := newConfig(opts)
	validator, err := newValidator(c.validation...)
	c.fail(err)
	redactor, err := redact.New(c.redaction...)
	c.fail(err)
	anonymous, err := actionsPolicy("WithAnonymous", c.anonymous)
	c.fail(err)
	meter := c.meterProvider.Meter(instrumentationName)
	m, err := newMetrics(meter, c.counts)
	c.fail(err)
	deliveryMetrics, err := delivery.NewMetrics(meter)
	c.fail(err)
	c.checkDeliveries()
	c.checkSeal()
	c.checkPolicy()
	if len(c.errs) > 0 {
		return nil, fmt.Errorf("sdk: cannot create the tracker provider: %w", errors.Join(c.errs...))
	}
	res, marks := cleanResource(c.resource, redactor)

	validator.anonymous = anonymous
	validator.policy = c.policy
	validator.metrics = m
	redactText := func(text string) string {
		clean, _ := redactor.Text(text)
		return clean
	}
	p := &TrackerProvider{redactor: redactor, fitter: limit.Fitter{Resource: res}, closers: c.closers}
	p.folder = p.newFolder(c, res)
	p.pipeline = pipeline{
		trackTimeout: c.trackTimeout,
		detach:       len(c.processors) > 0,
		gate:         gate.New(),
		metrics:      m,
		logger:       c.logger,
		errorHandler: c.errorHandler,
		redact:       redactText,
		records:      records.Maker{MaxMetadata: validator.config.maxMetadata, Resource: res, Marks: marks},
		first:        p.stages(c.processors, validator, m),
		check:        validator.checkIntent,
		requirable:   validator.requirable(),
		rejected:     p.rejection(validator),
	}
	if c.policy != nil {
		p.enforcement = newEnforcement(c.policy)
	}
	parts := deliveryParts{
		env:    delivery.Env{Logger: c.logger, Metrics: deliveryMetrics, Redact: redactText, Counts: c.counts},
		filter: p.enforcement.filter,
		closing: delivery.Closing{
			Actor:    RecoveryActor,
			Tracker:  record.Instrumentation{Name: instrumentationName},
			Resource: res,
			Timeout:  c.trackTimeout,
			Closed:   m.addAccepted,
		},
		attemptTimeout: c.attemptTimeout,
		seal:           c.seal,
		drained:        p.amendEpoch,
	}
	for _, open := range c.deliveries {
		d, err := open(&parts)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sdk: cannot create the tracker provider: %w", err), p.Shutdown(context.Background()))
		}
		p.deliveries = append(p.deliveries, d)
	}
	p.enforcement.route(p.deliveries)
	p.openEpoch(c)
	return p, nil
}

// stages returns the pipeline after resolution: the application's processors, validation,
// suppression, redaction and delivery, which begins with what makes the record fit.
func (p *TrackerProvider) stages(processors []Processor, v *validator, m *metrics) stage {
	suppress := &suppressor{provider: p, validator: v, metrics: m, reportHung: p.pipeline.reportHung, next: p.redactAndDeliver}
	next := func(ctx context.Context, scope *audit.Scope, r *record.Record) error {
		if err := v.check(ctx, r); err != nil {
			return err
		}
		err := v.checkRequired(r)
		if err == nil {
			return suppress.process(ctx, scope, r)
		}
		if !inside.Audit.IsAfterwards(ctx) {
			return err
		}
		unmet := v.unmet(r)
		markUnmet(r, unmet)
		if err := suppress.process(ctx, scope, r); err != nil {
			return err
		}
		return unmet
	}
	for _, processor := range slices.Backward(processors) {
		next = newStep(processor, next).run
	}
	return next
}

// redactAndDeliver is the last stage. It changes the record for the last time.
func (p *TrackerProvider) redactAndDeliver(ctx context.Context, _ *audit.Scope, r *record.Record) error {
	return p.deliverFitted(ctx, p.prepare(r, p.fitter.Fit), r)
}

// prepare redacts the record and makes it fit. Nothing changes its texts after this.
func (p *TrackerProvider) prepare(r *record.Record, fit func(*record.Record)) party.Party {
	who := party.Of(r) // before redaction, which may hide it
	p.redactor.Redact(r)
	if r.Resource != p.fitter.Resource { // a processor has replaced it
		r.Resource, _ = cleanResource(r.Resource, p.redactor)
	}
	p.enforcement.reduce(r)
	fit(r)
	return who
}

// deliverFitted delivers the record of a party, or adds a signal to the batch of an ending
// scope.
func (p *TrackerProvider) deliverFitted(ctx context.Context, who party.Party, r *record.Record) error {
	if batch := signal.BatchOf(ctx); batch != nil && r.Kind == audit.KindSignal && who.Class == party.Trusted {
		batch.Add(p, r, p.deliverAll, nil)
		return nil
	}
	return p.folder.Deliver(ctx, who, r)
}

// Tracker returns a tracker for the instrumented package.
func (p *TrackerProvider) Tracker(name string, opts ...audit.TrackerOption) audit.Tracker {
	var c embedded.TrackerConfig
	for _, opt := range opts {
		opt(&c)
	}
	return &tracker{
		pipeline:        &p.pipeline,
		instrumentation: record.Instrumentation{Name: limit.Name(name), Version: limit.Name(c.Version)},
	}
}

// ForceFlush records how many events were folded so far (see [WithFolding]), and the counts of
// [WithGapRecords] if they have changed, and waits until everything that was accepted before the
// call is exported. If ctx ends first, the error reports how many records each exporter lacks.
func (p *TrackerProvider) ForceFlush(ctx context.Context) error {
	if p.pipeline.gate.Closed() {
		return audit.ErrShutdown
	}
	return errors.Join(p.folder.Finish(ctx), p.epoch.Flush(ctx), p.each(func(d delivery.Delivery) error { return d.ForceFlush(ctx) }))
}

// Shutdown stops accepting events, waits for those that are being tracked, exports what is
// queued or in a ledger, and shuts the exporters down. If ctx ends first, the error
// reports what was not delivered. From then on Track returns audit.ErrShutdown. Only the
// first call has an effect; further calls return the same error.
func (p *TrackerProvider) Shutdown(ctx context.Context) error {
	p.shutdownOnce.Do(func() {
		tracking := p.pipeline.gate.Close(ctx)
		err := errors.Join(tracking, p.folder.Close(ctx), p.epoch.Close(ctx, tracking == nil))
		p.shutdownErr = errors.Join(err, p.each(func(d delivery.Delivery) error { return d.Shutdown(ctx) }))
		for _, release := range p.closers {
			p.shutdownErr = errors.Join(p.shutdownErr, release(ctx))
		}
	})
	return p.shutdownErr
}

// ledgers yields the deliveries that are ledgers.
func (p *TrackerProvider) ledgers() iter.Seq[*delivery.Ledger] {
	return func(yield func(*delivery.Ledger) bool) {
		for _, d := range p.deliveries {
			if l, ok := d.(*delivery.Ledger); ok && !yield(l) {
				return
			}
		}
	}
}

// each calls f for all deliveries at the same time, so that one that hangs does not use
// up the time of the others, and joins the errors.
func (p *TrackerProvider) each(f func(delivery.Delivery) error) error {
	errs := make([]error, len(p.deliveries))
	var wg sync.WaitGroup
	for i, d := range p.deliveries {
		wg.Go(func() {
			if err := f(d); err != nil {
				errs[i] = fmt.Errorf("%s: %w", d.Name(), err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
