package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Metrics are the instruments of all deliveries of a provider.
type Metrics struct {
	exported        metric.Int64Counter
	retried         metric.Int64Counter
	lost            metric.Int64Counter
	deadLettered    metric.Int64Counter
	hung            metric.Int64Counter
	expiredAttempts metric.Int64Counter
	duration        metric.Float64Histogram
	depth           metric.Int64ObservableGauge
	bytes           metric.Int64ObservableGauge
	damage          metric.Int64ObservableGauge
	letterBytes     metric.Int64ObservableGauge
	openAttempts    metric.Int64ObservableGauge
	sealDelay       metric.Int64ObservableGauge
	meter           metric.Meter
}

// NewMetrics creates the instruments.
func NewMetrics(meter metric.Meter) (*Metrics, error) {
	var errs []error
	counterOf := func(unit, name, description string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithDescription(description), metric.WithUnit(unit))
		errs = append(errs, err)
		return c
	}
	counter := func(name, description string) metric.Int64Counter { return counterOf("{record}", name, description) }
	gauge := func(name, description, unit string) metric.Int64ObservableGauge {
		g, err := meter.Int64ObservableGauge(name, metric.WithDescription(description), metric.WithUnit(unit))
		errs = append(errs, err)
		return g
	}
	m := &Metrics{
		exported:        counter("audit.records.exported", "Records that were exported, by exporter."),
		retried:         counter("audit.records.retried", "Records that were exported again after an error, by exporter."),
		lost:            counter("audit.records.lost", "Records that a batcher gave up, by exporter."),
		deadLettered:    counter("audit.records.dead_lettered", "Records that an exporter rejected permanently, by exporter."),
		hung:            counterOf("{call}", "audit.exports.hung", "Calls of an exporter that did not return in time, by exporter."),
		expiredAttempts: counterOf("{attempt}", "audit.attempts.expired", "Attempts that were not finished in time and gave up their slot, by ledger."),
		depth:           gauge("audit.ledger.depth", "Records in a ledger that an exporter does not have yet, by ledger and exporter.", "{record}"),
		bytes:           gauge("audit.ledger.bytes", "Size of a ledger, by ledger.", "By"),
		damage:          gauge("audit.ledger.damage", "Damaged places that were found in a ledger since it was opened, by ledger.", "{place}"),
		letterBytes:     gauge("audit.ledger.dead_letter_bytes", "Size of a ledger's dead letters, by ledger.", "By"),
		openAttempts:    gauge("audit.attempts.open", "Attempts that are open, by ledger.", "{attempt}"),
		sealDelay:       gauge("audit.seal.delay", "For how long a sealed ledger has had records that no checkpoint covers which the anchor has, by ledger.", "s"),
		meter:           meter,
	}
	var err error
	m.duration, err = meter.Float64Histogram("audit.export.duration",
		metric.WithDescription("Duration of Export calls, by exporter and outcome."), metric.WithUnit("s"))
	return m, errors.Join(append(errs, err)...)
}

// exporterMetrics are the metrics of one exporter, with prepared attributes.
type exporterMetrics struct {
	*Metrics
	exporter []metric.AddOption
	success  []metric.RecordOption
	failure  []metric.RecordOption
}

func (m *Metrics) of(exporter string) exporterMetrics {
	name := attribute.String("exporter", exporter)
	outcome := func(o audit.Outcome) []metric.RecordOption {
		return []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(name, attribute.String("outcome", o.String())))}
	}
	return exporterMetrics{
		Metrics:  m,
		exporter: []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(name))},
		success:  outcome(audit.OutcomeSuccess),
		failure:  outcome(audit.OutcomeFailure),
	}
}

// start returns the current time, or the zero time if durations are not recorded.
func (m *exporterMetrics) start(ctx context.Context) time.Time {
	if !m.duration.Enabled(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// export records one Export call: its outcome, its duration since start, and the number
// of delivered records.
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
