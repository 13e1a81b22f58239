package signal

import (
	"context"
	"errors"
)

// Batch collects what the signals of an ending scope record, so that each provider
// delivers its part at once. It is used by one goroutine.
type Batch struct {
	parts []part
}

// part is what one provider delivers.
type part struct {
	provider any
	deliver  func(context.Context, []any) error
	records  []any
}

type batchKey struct{}

// NewBatch returns a Batch, and a context that carries it.
func NewBatch(ctx context.Context) (context.Context, *Batch) {
	b := new(Batch)
	return context.WithValue(ctx, batchKey{}, b), b
}

// BatchOf returns the Batch that ctx carries, or nil.
func BatchOf(ctx context.Context) *Batch {
	b, _ := ctx.Value(batchKey{}).(*Batch)
	return b
}

// Add adds a record, which Deliver passes to the deliver function of the provider's first
// record.
func (b *Batch) Add(provider, record any, deliver func(context.Context, []any) error) {
	for i := range b.parts {
		if b.parts[i].provider == provider {
			b.parts[i].records = append(b.parts[i].records, record)
			return
		}
	}
	b.parts = append(b.parts, part{provider, deliver, []any{record}})
}

// Deliver delivers all records and joins the errors.
func (b *Batch) Deliver(ctx context.Context) error {
	errs := make([]error, len(b.parts))
	for i, p := range b.parts {
		errs[i] = p.deliver(ctx, p.records)
	}
	return errors.Join(errs...)
}
