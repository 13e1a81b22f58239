package signal

import (
	"context"
	"errors"
)

// Batch collects what an ending scope, or a unit of work, records, so that each provider
// delivers its part at once. It is used by one goroutine.
type Batch struct {
	parts []part
}

// part is what one provider delivers.
type part struct {
	provider any
	deliver  DeliverFunc
	items    []item
}

type item struct {
	record any
	done   func(context.Context)
}

// DeliverFunc delivers records. It returns an error for each record, which is nil if it was
// delivered.
type DeliverFunc func(context.Context, []any) []error

type batchKey struct{}

// NewBatch returns a Batch, and a context that carries it.
func NewBatch(ctx context.Context) (context.Context, *Batch) {
	b := new(Batch)
	ctx = b.In(ctx)
	return ctx, b
}

// In returns a context that carries the batch.
func (b *Batch) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, batchKey{}, b)
}

// BatchOf returns the Batch that ctx carries, or nil.
func BatchOf(ctx context.Context) *Batch {
	b, _ := ctx.Value(batchKey{}).(*Batch)
	return b
}

// Add adds a record, which Deliver passes to the deliver function of the provider's first
// record. Once it is delivered, Deliver calls done, unless that is nil.
func (b *Batch) Add(provider, record any, deliver DeliverFunc, done func(context.Context)) {
	added := item{record, done}
	for i := range b.parts {
		if b.parts[i].provider == provider {
			b.parts[i].items = append(b.parts[i].items, added)
			return
		}
	}
	b.parts = append(b.parts, part{provider, deliver, []item{added}})
}

// Deliver delivers all records and joins the errors. Those that were not delivered stay in
// the batch.
func (b *Batch) Deliver(ctx context.Context) error {
	parts := b.parts
	b.parts = nil
	var errs []error
	for _, p := range parts {
		failed := p.deliverTo(ctx)
		var left []item
		for i, it := range p.items {
			switch {
			case failed[i] != nil:
				left = append(left, it)
				errs = append(errs, failed[i])
			case it.done != nil:
				it.done(ctx)
			}
		}
		if len(left) > 0 {
			b.parts = append(b.parts, part{p.provider, p.deliver, left})
		}
	}
	return errors.Join(errs...)
}

func (p *part) deliverTo(ctx context.Context) []error {
	records := make([]any, len(p.items))
	for i := range p.items {
		records[i] = p.items[i].record
	}
	return p.deliver(ctx, records)
}
