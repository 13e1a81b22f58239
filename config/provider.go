package config

import (
	"context"
	"errors"
	"strings"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/seal"
)

// NewTrackerProvider returns a provider that is configured by a file or by environment
// variables. Its Shutdown also closes the connections of its exporters. The error is an
// *Error that lists all problems; then nothing stays open.
//
// It is not an error if a server does not respond. For MongoDB, NewTrackerProvider waits up
// to five seconds, until ctx ends, and returns errors of the server that arrive in this
// time, such as a wrong password or an index that cannot be created.
func NewTrackerProvider(ctx context.Context, opts ...Option) (*sdk.TrackerProvider, error) {
	c, err := Load(ctx, opts...)
	if err != nil {
		return nil, err
	}
	return c.NewTrackerProvider(ctx)
}

// Check returns the problems that NewTrackerProvider finds before it connects to a server or
// opens a ledger. It is like Load, without the Config.
func Check(ctx context.Context, opts ...Option) error {
	_, err := Load(ctx, opts...)
	return err
}

// NewTrackerProvider is like the function of that name, for a loaded configuration. It may be
// called again after the previous provider was shut down.
func (c *Config) NewTrackerProvider(ctx context.Context) (*sdk.TrackerProvider, error) {
	own := *c.decoder // each call collects its own problems
	b := &builder{config: c, decoder: &own}
	opts, err := c.options(ctx)
	if err != nil {
		b.reportError("", err)
	}
	sealed, err := c.model.Seal.options()
	if err != nil {
		b.reportError("seal", err)
	}
	opts = append(opts, sealed...)
	erasable, err := b.erasable()
	if err != nil {
		b.reportError("erasure.keys", err)
	}
	opts = append(erasable, opts...) // their strategies come first
	if c.policy != nil {
		opts = append(opts, sdk.WithPolicy(c.policy))
	}
	b.open(ctx)
	var p *sdk.TrackerProvider
	if len(b.decoder.problems) == 0 {
		opts = append(opts, b.deliveries()...)
		if p, err = sdk.NewTrackerProvider(append(opts, c.settings.sdk...)...); err != nil {
			b.reportSDKError(err)
		}
	}
	if err := newError(b.decoder.problems); err != nil {
		b.close(ctx)
		return nil, err
	}
	return p, nil
}

// builder creates a provider.
type builder struct {
	config    *Config
	decoder   *decoder
	exporters []export.Exporter
	keys      func(context.Context) error // releases the key store; nil if none is open
}

func (b *builder) reportError(path string, err error) { b.decoder.reportError(path, err) }

// reportSDKError reports an error of the SDK. After Load it can only be about opening the
// ledger or about the options of the program.
func (b *builder) reportSDKError(err error) {
	for _, each := range flatten(err) {
		path := ""
		if _, ok := errors.AsType[*seal.AnchorError](each); ok || strings.Contains(each.Error(), "WithLedger: seal: ") {
			path = "seal"
		} else if b.config.model.Ledger != nil && strings.Contains(each.Error(), "WithLedger: ") {
			path = "ledger.dir"
		}
		b.reportError(path, each)
	}
}

// open creates the exporters.
func (b *builder) open(ctx context.Context) {
	for i, m := range b.config.model.Exporters.list {
		e := m.open(ctx, &b.config.settings, b.decoder, index("exporters", i))
		if e == nil {
			continue
		}
		if _, ok := e.(*owned); !ok {
			e = &owned{Exporter: e}
		}
		b.exporters = append(b.exporters, e)
	}
}

// close shuts the exporters down if the provider could not be created.
func (b *builder) close(ctx context.Context) {
	for _, e := range b.exporters {
		_ = e.Shutdown(ctx) // it has exported nothing
	}
	if b.keys != nil {
		_ = b.keys(ctx) // no key was made
	}
}

// deliveries returns the options that deliver records to the exporters.
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
