package config

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk"
)

// NewTrackerProvider returns a provider that is ready to use, made by a file or by the
// environment. Its Shutdown also closes the connections that were made for it. The error
// is an *Error with everything that is wrong; nothing is left open then.
//
// A server that does not answer is no error. A MongoDB is waited for some seconds, within
// ctx, and what it says by then counts: a wrong password, say, or an index that it
// refuses.
func NewTrackerProvider(ctx context.Context, opts ...Option) (*sdk.TrackerProvider, error) {
	c, err := Load(ctx, opts...)
	if err != nil {
		return nil, err
	}
	return c.NewTrackerProvider(ctx)
}

// Check returns what NewTrackerProvider would find wrong before it connects to anything
// or opens a ledger. It is Load without its result.
func Check(ctx context.Context, opts ...Option) error {
	_, err := Load(ctx, opts...)
	return err
}

// NewTrackerProvider is the function of that name with what was loaded. It may be called
// again when the provider before was shut down.
func (c *Config) NewTrackerProvider(ctx context.Context) (*sdk.TrackerProvider, error) {
	own := *c.decoder // each call has its own problems
	b := &builder{config: c, decoder: &own}
	opts, err := c.options(ctx)
	if err != nil {
		b.failed("", err)
	}
	if c.policy != nil {
		opts = append(opts, sdk.WithPolicy(c.policy))
	}
	b.open(ctx)
	var p *sdk.TrackerProvider
	if len(b.decoder.problems) == 0 {
		opts = append(opts, b.deliveries()...)
		if p, err = sdk.NewTrackerProvider(append(opts, c.settings.sdk...)...); err != nil {
			b.sdkFailed(err)
		}
	}
	if err := newError(b.decoder.problems); err != nil {
		b.close(ctx)
		return nil, err
	}
	return p, nil
}

// builder makes a provider of a configuration.
type builder struct {
	config    *Config
	decoder   *decoder
	exporters []export.Exporter
}

func (b *builder) failed(path string, err error) { b.decoder.failed(path, err) }

// sdkFailed notes what the SDK finds wrong. What is left to find is a ledger that cannot
// be opened, and options that are code.
func (b *builder) sdkFailed(err error) {
	for _, each := range leaves(err) {
		path := ""
		if b.config.model.Ledger != nil && strings.Contains(each.Error(), "WithLedger: ") {
			path = "ledger.dir"
		}
		b.failed(path, each)
	}
}

// open makes the exporters.
func (b *builder) open(ctx context.Context) {
	for i, m := range b.config.model.Exporters.list {
		e := m.open(ctx, b, index("exporters", i))
		if e == nil {
			continue
		}
		if _, is := e.(*owned); !is {
			e = &owned{Exporter: e}
		}
		b.exporters = append(b.exporters, e)
	}
}

// close shuts down what was made for a provider that could not be made.
func (b *builder) close(ctx context.Context) {
	for _, e := range b.exporters {
		_ = e.Shutdown(ctx) // it has exported nothing
	}
}

// deliveries returns how the records reach the exporters.
func (b *builder) deliveries() []sdk.Option {
	m := &b.config.model
	exporters := make([]export.Exporter, len(b.exporters))
	for i, e := range b.exporters {
		exporters[i] = export.Filter(e, m.Exporters.list[i].common().Filter.keep())
	}
	if m.Ledger != nil {
		return []sdk.Option{sdk.WithLedger(string(m.Ledger.Dir), m.Ledger.options(exporters)...)}
	}
	var opts []sdk.Option
	for i, e := range exporters {
		if c := m.Exporters.list[i].common(); c.Delivery == deliveryBatch {
			opts = append(opts, sdk.WithBatcher(e, c.Batch.options()...))
		} else {
			opts = append(opts, sdk.WithSyncer(e))
		}
	}
	return opts
}

// owned is an exporter with what was opened for it. It is shut down once, whoever does.
type owned struct {
	export.Exporter

	release func(context.Context) error // or nil

	once sync.Once
	err  error
}

var _ export.DirectExporter = (*owned)(nil)

// Direct reports what the exporter does.
func (o *owned) Direct() bool {
	d, ok := o.Exporter.(export.DirectExporter)
	return ok && d.Direct()
}

// Shutdown shuts the exporter down and closes what was opened for it.
func (o *owned) Shutdown(ctx context.Context) error {
	o.once.Do(func() {
		o.err = o.Exporter.Shutdown(ctx)
		if o.release != nil {
			o.err = errors.Join(o.err, o.release(ctx))
		}
	})
	return o.err
}
