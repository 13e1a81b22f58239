package sdk

import (
	"context"
	"errors"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/internal/gaps"
	"github.com/opendeed/audit/sdk/ledger"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are the instruments of the pipeline. They never record the values of events.
type metrics struct {
	accepted        metric.Int64Counter
	rejected        metric.Int64Counter
	suppressed      metric.Int64Counter
	redacted        metric.Int64Counter
	folded          metric.Int64Counter
	hungResolvers   metric.Int64Counter
	unrepresentable metric.Int64Counter
	counts          *gaps.Counts // nil without WithGapRecords
}

// instrumentationName is the name of the SDK's meter, and of the tracker in records that
// the SDK creates itself.
const instrumentationName = "github.com/opendeed/audit/sdk"

func newMetrics(meter metric.Meter, counts *gaps.Counts) (*metrics, error) {
	var errs []error
	counter := func(name, description, unit string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithDescription(description), metric.WithUnit(unit))
		errs = append(errs, err)
		return c
	}
	m := &metrics{
		counts:          counts,
		accepted:        counter("audit.records.accepted", "Records that every delivery accepted.", "{record}"),
		rejected:        counter("audit.records.rejected", "Events that were not recorded because of an error, by reason.", "{record}"),
		suppressed:      counter("audit.records.suppressed", "Signals that were not recorded, and events of a transaction that was run again, by reason.", "{record}"),
		redacted:        counter("audit.records.redacted", "Records in which something was redacted.", "{record}"),
		folded:          counter("audit.records.folded", "Events that were counted instead of recorded one by one, by share.", "{record}"),
		hungResolvers:   counter("audit.resolvers.hung", "Calls of an actor function that did not return within the track timeout.", "{call}"),
		unrepresentable: counter("audit.values.unrepresentable", "Values of changes that were replaced by a placeholder.", "{value}"),
	}
	return m, errors.Join(errs...)
}

func (m *metrics) addAccepted(n int) {
	m.accepted.Add(context.Background(), int64(n))
	m.counts.RecordedMany(n)
}

func (m *metrics) accept(ctx context.Context, r *record.Record) {
	m.accepted.Add(ctx, 1)
	m.counts.Recorded(r)
}

func (m *metrics) fold(ctx context.Context, share string) {
	m.folded.Add(ctx, 1, metric.WithAttributes(attribute.String("share", share)))
}

// suppression is the reason why a signal was not recorded.
type suppression string

const (
	suppressedByIntent  suppression = "covered"
	suppressedByContext suppression = "context"
	suppressedByRerun   suppression = "rerun"
)

func (m *metrics) suppress(ctx context.Context, why suppression) {
	m.suppressed.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", string(why))))
}

func (m *metrics) reject(ctx context.Context, err error) {
	reason := rejectReason(err)
	attrs := []attribute.KeyValue{attribute.String("reason", reason)}
	if drop, ok := errors.AsType[*dropError](err); ok {
		attrs = append(attrs, attribute.String("processor", drop.processor))
		m.counts.Dropped(drop.processor)
	} else {
		m.counts.Rejected(reason)
	}
	m.rejected.Add(ctx, 1, metric.WithAttributes(attrs...))
}

// rejectReason returns the reason attribute of an error, which package sdk documents.
func rejectReason(err error) string {
	var (
		invalid   *audit.ValidationError
		processor *ProcessorError
		actor     *audit.ActorError
	)
	switch {
	case errors.Is(err, ErrDropped):
		return "dropped"
	case errors.As(err, &processor):
		return "processor"
	case errors.As(err, &invalid):
		return "invalid"
	case errors.Is(err, audit.ErrNoActor):
		return "no_actor"
	case errors.As(err, &actor):
		return "actor_resolver"
	case errors.Is(err, policy.ErrAnonymousNotAllowed):
		return "anonymous"
	case errors.Is(err, audit.ErrShutdown):
		return "shutdown"
	case errors.Is(err, delivery.ErrShareFull):
		return "share_full"
	case errors.Is(err, ErrTooManyAttempts):
		return "too_many_attempts"
	case errors.Is(err, ledger.ErrFull):
		return "ledger_full"
	case errors.Is(err, audit.ErrFull):
		return "queue_full"
	case errors.Is(err, audit.ErrMaybeStored):
		return "maybe_stored"
	}
	return "delivery"
}
