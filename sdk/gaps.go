package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/internal/gaps"
	"github.com/opendeed/audit/semconv"
)

// CountingActor is the ID of the system actor in the records of [WithGapRecords].
const CountingActor = "audit-counters"

// WithGapRecords records how many events were recorded, rejected, dropped by a processor, given up
// or dead-lettered, and how many requests left no event, if a middleware has WithCoverage. So it
// can be shown what is missing in the trail: see package query/gaps and the command deed gaps.
//
// NewTrackerProvider opens an epoch, and Shutdown closes it: if its end is missing, the process
// was killed. Between them the counts are recorded at each interval in which they changed, and by
// ForceFlush. These records go the way of every record, but neither processors nor the rules of
// validation see them. One that cannot be stored fails no event of the application; the next one
// has its counts too. NewTrackerProvider waits for the first one as long as Track would.
func WithGapRecords(interval time.Duration) Option {
	return func(c *config) {
		if interval <= 0 {
			c.fail(errors.New("WithGapRecords: the interval must be positive"))
			return
		}
		c.gapInterval, c.counts = interval, gaps.NewCounts()
	}
}

// openEpoch opens the epoch of WithGapRecords, if there is one.
func (p *TrackerProvider) openEpoch(c *config) {
	if c.counts == nil {
		return
	}
	conf := gaps.Config{Counts: c.counts, Interval: c.gapInterval, Actor: CountingActor, Logger: c.logger}
	for _, d := range p.deliveries {
		if l, ok := d.(*delivery.Ledger); ok && conf.Source == "" {
			conf.Source = "ledger/" + l.ID()
		}
	}
	conf.Record = func(ctx context.Context, e *audit.Event) error { return p.storeOwn(ctx, p.ownRecord(e)) }
	p.epoch = gaps.Open(conf)
}

// amendEpoch records in a ledger what its exporters did since the epoch was closed.
func (p *TrackerProvider) amendEpoch(l *delivery.Ledger) error {
	return p.epoch.Amend(func(e *audit.Event) error {
		return l.Deliver(context.Background(), p.ownRecord(e), p.pipeline.trackTimeout)
	})
}

// ownRecord returns the record of an event of the provider itself.
func (p *TrackerProvider) ownRecord(e *audit.Event) *record.Record {
	r := p.pipeline.records.Make(context.Background(), e, &plumbing.Resolved{Channel: semconv.ChannelSystem}, record.Instrumentation{Name: instrumentationName})
	p.fitter.Fit(r)
	return r
}

// CountRequest implements plumbing.RequestCounter.
func (t *tracker) CountRequest(as plumbing.RequestCount) { t.pipeline.metrics.counts.Request(as) }

// CountLoss implements plumbing.LossCounter.
func (t *tracker) CountLoss(reason string, n int64) { t.pipeline.metrics.counts.Lose(reason, n) }
