package config

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
)

// Config is a valid configuration. However it is printed, it does not show secrets. It is
// safe for concurrent use.
type Config struct {
	settings settings
	model    model
	decoder  *decoder
	policy   *policy.Policy // or nil

	retention *Retention // or nil
}

// Load reads and validates the configuration. It connects to no server and opens no ledger,
// but reads the files that the configuration names. The error is an *Error that lists all
// problems.
func Load(ctx context.Context, opts ...Option) (*Config, error) {
	c := &Config{settings: settings{file: os.Getenv(FileVariable)}}
	for _, opt := range opts {
		if opt != nil {
			opt(&c.settings)
		}
	}
	from, problems := c.source()
	if from == nil {
		return nil, newError(problems)
	}
	c.decoder = newDecoder(from, os.LookupEnv)
	c.decoder.problems = problems
	c.decoder.value(from.root, "", valueOf(&c.model))
	if dir := c.settings.ledgerDir; dir != "" {
		if c.model.Ledger == nil {
			c.model.Ledger = &ledgerModel{}
		}
		c.model.Ledger.Dir = text(dir)
	}
	c.check(ctx)
	if len(c.decoder.problems) == 0 {
		c.checkSDK(ctx)
	}
	if err := newError(c.decoder.problems); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) source() (*source, []Problem) {
	if c.settings.file == "" {
		return readEnvironment(os.LookupEnv, os.Environ())
	}
	return readFile(c.settings.file)
}

// check reports problems that involve more than a single value.
func (c *Config) check(ctx context.Context) {
	m, d := &c.model, c.decoder
	m.Service.check(ctx, d, "service")
	checkActions(d, "anonymous", m.Anonymous)
	m.Validation.check(d, "validation")
	m.Redaction.check(d, "redaction")
	m.Erasure.check(ctx, d, "erasure")
	m.Ledger.check(d, "ledger", &m.Exporters)
	if m.Exporters.none && m.Ledger == nil {
		d.report("exporters", "none needs a ledger; without one nothing would be recorded")
	}
	first := map[string]int{}
	for i, e := range m.Exporters.list {
		if e == nil {
			continue
		}
		path := index("exporters", i)
		c.checkCommon(e.common(), path)
		e.check(ctx, d, path)
		if s, ok := e.(*stdoutModel); ok {
			s.checkLedger(d, path, m)
		}
		name := e.common().name()
		switch earlier, exists := first[name]; {
		case !exists:
			first[name] = i
		case d.source.file == "":
			d.report(path, "an exporter is repeated; two exporters of one type need a file")
		default:
			d.report(join(path, "name"), "it is also the name of "+index("exporters", earlier)+"; rename one of them")
		}
	}
	c.checkPolicy()
	c.checkRetention()
	c.checkSeal()
}

// checkCommon checks the keys that all exporters have.
func (c *Config) checkCommon(e *exporterCommon, path string) {
	d := c.decoder
	e.Filter.check(d, join(path, "filter"))
	switch {
	case e.Name != "" && !record.ValidName(string(e.Name)):
		d.report(join(path, "name"), nameRule)
	case e.Name == "ledger" && c.model.Ledger != nil:
		d.report(join(path, "name"), "it is the name of the ledger; use another name")
	}
	switch {
	case c.model.Ledger != nil && e.Delivery != "":
		d.report(join(path, "delivery"), "all exporters follow the ledger; remove it")
	case c.model.Ledger != nil && e.Batch != nil:
		d.report(join(path, "batch"), "all exporters follow the ledger; use ledger.export")
	case e.Batch != nil && e.Delivery != deliveryBatch:
		d.report(join(path, "batch"), "it requires delivery: batch")
	}
	if b := e.Batch; b != nil {
		queue := count(sdk.DefaultQueueSize)
		if b.QueueSize > 0 {
			queue = b.QueueSize
		}
		if b.BatchSize > queue {
			d.report(join(path, "batch", "batch_size"), fmt.Sprintf("it is larger than the queue size of %d", queue))
		}
	}
}

// checkSDK lets the SDK validate its options, except the exporters, the ledger, and the
// policy, which refers to exporters.
func (c *Config) checkSDK(ctx context.Context) {
	opts, err := c.options(ctx)
	if err == nil {
		err = tryOptions(opts...)
	}
	for _, each := range flatten(err) {
		if each != nil {
			c.decoder.reportError("", each)
		}
	}
}

// options returns all SDK options except the deliveries.
func (c *Config) options(ctx context.Context) ([]sdk.Option, error) {
	m := &c.model
	r, err := m.Service.resource(ctx)
	if err != nil {
		return nil, err
	}
	opts := []sdk.Option{
		sdk.WithResource(r),
		sdk.WithAnonymous(texts(m.Anonymous)...),
		sdk.WithValidation(m.Validation.options()...),
		sdk.WithRedaction(m.Redaction.options()...),
	}
	if m.TrackTimeout > 0 {
		opts = append(opts, sdk.WithTrackTimeout(time.Duration(m.TrackTimeout)))
	}
	if m.AttemptTimeout > 0 {
		opts = append(opts, sdk.WithAttemptTimeout(time.Duration(m.AttemptTimeout)))
	}
	if m.GapRecords > 0 {
		opts = append(opts, sdk.WithGapRecords(time.Duration(m.GapRecords)))
	}
	opts = append(opts, m.Folding.options()...)
	if l := c.settings.logger; l != nil {
		opts = append(opts, sdk.WithLogger(l))
	}
	return opts, nil
}

// String returns the configuration as YAML, as it was written: with ${VAR} instead of its
// value, and without secrets.
func (c *Config) String() string { return c.decoder.dump() }

// Format writes the result of String, for every verb.
func (c *Config) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue returns the result of String.
func (c *Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns the result of String.
func (c *Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
