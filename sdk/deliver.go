package sdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// deliver forwards the record to every delivery, or to those that the policy selects, in
// order.
func (p *TrackerProvider) deliver(ctx context.Context, r *record.Record) error {
	if !p.pipeline.gate.Enter() {
		return audit.ErrShutdown
	}
	defer p.pipeline.gate.Leave()
	return p.store(ctx, r, p.pipeline.trackTimeout)
}

// store is deliver without the gate, for what the provider itself records.
func (p *TrackerProvider) store(ctx context.Context, r *record.Record, timeout time.Duration) error {
	deliveries := p.deliveriesOf(ctx, r)
	turns := delivery.NewTurns(len(deliveries), timeout)
	var errs []error // of the deliveries; nil until one fails
	for i, d := range deliveries {
		if err := d.Deliver(ctx, r, turns.Wait(i)); err != nil {
			if errs == nil {
				errs = make([]error, len(deliveries))
			}
			errs[i] = err
		}
	}
	if errs != nil {
		return deliveryError(r.ID, deliveries, func(i int) error { return errs[i] })
	}
	p.pipeline.metrics.accept(ctx, r)
	return nil
}

// deliverAll is the signal.DeliverFunc for what a scope or a unit of work records when it
// ends: []*record.Record as []any. Its errors are a *audit.DeliveryError for each record that
// was not delivered. The deadline of ctx bounds it.
func (p *TrackerProvider) deliverAll(ctx context.Context, items []any) []error {
	if !p.pipeline.gate.Enter() {
		return p.shutdownErrors(items)
	}
	defer p.pipeline.gate.Leave()
	timeout := p.pipeline.trackTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = time.Until(deadline)
	}
	ctx = context.WithoutCancel(ctx)
	errs := make([]error, 0, len(items))
	for _, g := range p.group(ctx, items) {
		errs = append(errs, p.storeAll(ctx, g.records, g.deliveries, timeout)...)
	}
	return errs
}

// shutdownErrors returns the errors of records that came after Shutdown.
func (p *TrackerProvider) shutdownErrors(items []any) []error {
	errs := make([]error, len(items))
	for i, item := range items {
		r, _ := item.(*record.Record)
		failed := &audit.DeliveryError{ID: r.ID, Err: audit.ErrShutdown}
		for _, d := range p.deliveries {
			failed.Failed = append(failed.Failed, d.Name())
		}
		errs[i] = failed
	}
	return errs
}

// group has records that go to the same deliveries.
type group struct {
	deliveries []delivery.Delivery
	records    []*record.Record
}

// group groups records by where they go, in their order.
func (p *TrackerProvider) group(ctx context.Context, items []any) (groups []group) {
	for _, item := range items {
		r, _ := item.(*record.Record)
		to := p.deliveriesOf(ctx, r)
		if n := len(groups); n > 0 && slices.Equal(groups[n-1].deliveries, to) {
			groups[n-1].records = append(groups[n-1].records, r)
			continue
		}
		groups = append(groups, group{to, []*record.Record{r}})
	}
	return groups
}

func (p *TrackerProvider) storeAll(ctx context.Context, records []*record.Record, deliveries []delivery.Delivery, timeout time.Duration) []error {
	turns := delivery.NewTurns(len(deliveries), timeout)
	failures := make([][]error, len(deliveries)) // by delivery and record
	for i, d := range deliveries {
		failures[i] = d.DeliverAll(ctx, records, turns.Wait(i))
	}
	errs := make([]error, len(records))
	for at, r := range records {
		failed := deliveryError(r.ID, deliveries, func(i int) error {
			if failures[i] == nil {
				return nil
			}
			return failures[i][at]
		})
		if failed != nil {
			p.pipeline.metrics.reject(ctx, failed)
			errs[at] = failed
			continue
		}
		p.pipeline.metrics.accept(ctx, r)
	}
	return errs
}

// deliveriesOf returns the deliveries that get the record.
func (p *TrackerProvider) deliveriesOf(ctx context.Context, r *record.Record) []delivery.Delivery {
	if len(r.Redacted) > 0 {
		p.pipeline.metrics.redacted.Add(ctx, 1)
	}
	if p.enforcement != nil {
		return p.enforcement.choose(r, p.deliveries)
	}
	return p.deliveries
}

// deliveryError returns the error of a record, given those of the deliveries, or nil if all
// of them are nil.
func deliveryError(id audit.ID, deliveries []delivery.Delivery, errOf func(i int) error) error {
	failed := &audit.DeliveryError{ID: id}
	for i, d := range deliveries {
		err := errOf(i)
		switch {
		case err == nil:
			failed.Stored = append(failed.Stored, d.Name())
			continue
		case errors.Is(err, audit.ErrMaybeStored):
			failed.Unknown = append(failed.Unknown, d.Name())
		default:
			failed.Failed = append(failed.Failed, d.Name())
		}
		failed.Err = errors.Join(failed.Err, fmt.Errorf("%s: %w", d.Name(), err))
	}
	if failed.Err == nil {
		return nil
	}
	return failed
}
