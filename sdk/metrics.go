package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are the SDK's own, which never carry the values of events.
type metrics struct {
	accepted        metric.Int64Counter
	rejected        metric.Int64Counter
	suppressed      metric.Int64Counter
	redacted        metric.Int64Counter
	exported        metric.Int64Counter
	retried         metric.Int64Counter
	lost            metric.Int64Counter
	deadLettered    metric.Int64Counter
	unrepresentable metric.Int64Counter
	duration        metric.Float64Histogram
	depth           metric.Int64ObservableGauge
	bytes           metric.Int64ObservableGauge
	meter           metric.Meter
}

const meterName = "github.com/opendeed/audit/sdk"

func newMetrics(mp metric.MeterProvider) (*metrics, error) {
	meter := mp.Meter(meterName)
	var errs []error
	counter := func(name, description, unit string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithDescription(description), metric.WithUnit(unit))
		errs = append(errs, err)
		return c
	}
	m := &metrics{
		accepted:        counter("audit.records.accepted", "Records that every delivery took.", "{record}"),
		rejected:        counter("audit.records.rejected", "Events whose Track call or release returned an error, by reason.", "{record}"),
		suppressed:      counter("audit.records.suppressed", "Signals that were not recorded, by reason.", "{record}"),
		redacted:        counter("audit.records.redacted", "Records in which something was redacted.", "{record}"),
		exported:        counter("audit.records.exported", "Records that an exporter's sink has, by exporter.", "{record}"),
		retried:         counter("audit.records.retried", "Records that were exported again after an error, by exporter.", "{record}"),
		lost:            counter("audit.records.lost", "Records that a batcher gave up, by exporter.", "{record}"),
		deadLettered:    counter("audit.records.dead_lettered", "Records that an exporter refused for good, by exporter.", "{record}"),
		unrepresentable: counter("audit.values.unrepresentable", "Values of changes that were replaced by a placeholder.", "{value}"),
	}
	var err error
	m.duration, err = meter.Float64Histogram("audit.export.duration",
		metric.WithDescription("Duration of Export calls, by exporter and outcome."), metric.WithUnit("s"))
	errs = append(errs, err)
	m.depth, err = meter.Int64ObservableGauge("audit.ledger.depth",
		metric.WithDescription("Records in a ledger that an exporter does not have yet, by ledger and exporter."), metric.WithUnit("{record}"))
	errs = append(errs, err)
	m.bytes, err = meter.Int64ObservableGauge("audit.ledger.bytes",
		metric.WithDescription("Size of a ledger, by ledger."), metric.WithUnit("By"))
	m.meter = meter
	return m, errors.Join(append(errs, err)...)
}

// observe has the gauges of a ledger read whenever somebody collects them.
func (m *metrics) observe(d *ledgerDelivery) (metric.Registration, error) {
	name := attribute.String("ledger", d.id)
	return m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		stats := d.ledger.Stats()
		o.ObserveInt64(m.bytes, stats.Bytes, metric.WithAttributes(name))
		for _, f := range d.followers {
			left := int64(stats.Next - 1 - f.cursor.Committed())
			o.ObserveInt64(m.depth, left, metric.WithAttributes(name, attribute.String("exporter", f.id)))
		}
		return nil
	}, m.depth, m.bytes)
}

// suppression says why a signal was not recorded.
type suppression string

const (
	suppressedByIntent  suppression = "covered"
	suppressedByContext suppression = "context"
)

func (m *metrics) suppress(ctx context.Context, why suppression) {
	m.suppressed.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", string(why))))
}

func (m *metrics) reject(ctx context.Context, err error) {
	attrs := []attribute.KeyValue{attribute.String("reason", rejectReason(err))}
	if drop, ok := errors.AsType[*dropError](err); ok {
		attrs = append(attrs, attribute.String("processor", drop.processor))
	}
	m.rejected.Add(ctx, 1, metric.WithAttributes(attrs...))
}

// rejectReason is a word of a small vocabulary.
func rejectReason(err error) string {
	var (
		invalid   *audit.ValidationError
		processor *ProcessorError
		actor     *audit.ActorError
	)
	switch {
	case errors.Is(err, audit.ErrDropped):
		return "dropped"
	case errors.As(err, &processor):
		return "processor"
	case errors.As(err, &invalid):
		return "invalid"
	case errors.Is(err, audit.ErrNoActor):
		return "no_actor"
	case errors.As(err, &actor):
		return "actor_resolver"
	case errors.Is(err, audit.ErrAnonymousNotAllowed):
		return "anonymous"
	case errors.Is(err, audit.ErrShutdown):
		return "shutdown"
	case errors.Is(err, audit.ErrQueueFull):
		return "queue_full"
	case errors.Is(err, audit.ErrLedgerFull):
		return "ledger_full"
	case errors.Is(err, audit.ErrMaybeStored):
		return "maybe_stored"
	}
	return "delivery"
}

// exporterMetrics are the metrics of one exporter, with its attributes made
// beforehand.
type exporterMetrics struct {
	*metrics
	exporter []metric.AddOption
	success  []metric.RecordOption
	failure  []metric.RecordOption
}

func (m *metrics) of(exporter string) exporterMetrics {
	name := attribute.String("exporter", exporter)
	outcome := func(o audit.Outcome) []metric.RecordOption {
		return []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(name, attribute.String("outcome", o.String())))}
	}
	return exporterMetrics{
		metrics:  m,
		exporter: []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(name))},
		success:  outcome(audit.OutcomeSuccess),
		failure:  outcome(audit.OutcomeFailure),
	}
}

// start reads the clock if anybody wants to know how long exports take.
func (m *exporterMetrics) start(ctx context.Context) time.Time {
	if !m.duration.Enabled(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// exportOne counts one Export call with one record.
func (m *exporterMetrics) exportOne(ctx context.Context, start time.Time, err error) {
	delivered := 1
	if err != nil {
		delivered = 0
	}
	m.export(ctx, start, delivered, err)
}

// export counts one Export call that brought delivered records to the sink.
func (m *exporterMetrics) export(ctx context.Context, start time.Time, delivered int, err error) {
	if delivered > 0 {
		m.exported.Add(ctx, int64(delivered), m.exporter...)
	}
	if start.IsZero() {
		return
	}
	outcome := m.success
	if err != nil {
		outcome = m.failure
	}
	m.duration.Record(ctx, time.Since(start).Seconds(), outcome...)
}
