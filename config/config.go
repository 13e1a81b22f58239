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

// Config is a configuration that was found to be valid. It shows no secrets, however it
// is printed. It is safe for concurrent use.
type Config struct {
	settings settings
	model    model
	decoder  *decoder
	policy   *policy.Policy // or nil
}

// Load reads the configuration and checks all of it. It connects to nothing and opens no
// ledger; it does read the files that the configuration names. The error is an *Error
// with everything that is wrong.
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
	c.check(ctx)
	if len(c.decoder.problems) == 0 {
		c.judge(ctx)
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

const nameRule = "it must be 1 to 64 lowercase letters, digits, underscores and hyphens"

// check notes what is wrong beyond single values.
func (c *Config) check(ctx context.Context) {
	m, d := &c.model, c.decoder
	m.Service.check(ctx, d, "service")
	checkActions(d, "anonymous", m.Anonymous)
	m.Validation.check(d, "validation")
	m.Redaction.check(d, "redaction")
	m.Ledger.check(d, "ledger", &m.Exporters)
	if m.Exporters.none && m.Ledger == nil {
		d.wrong("exporters", "none needs a ledger, without which nothing would be recorded")
	}
	first := map[string]int{}
	for i, e := range m.Exporters.list {
		if e == nil {
			continue
		}
		path := index("exporters", i)
		c.checkCommon(e.common(), path)
		e.check(ctx, d, path)
		name := e.common().name()
		switch before, twice := first[name]; {
		case !twice:
			first[name] = i
		case d.source.file == "":
			d.wrong(path, "an exporter is named twice; two of a type need a file")
		default:
			d.wrong(join(path, "name"), "it is the name of "+index("exporters", before)+" as well; give one of them another name")
		}
	}
	c.checkPolicy()
}

// checkCommon checks what all exporters have.
func (c *Config) checkCommon(e *exporterCommon, path string) {
	d := c.decoder
	e.Filter.check(d, join(path, "filter"))
	switch {
	case e.Name != "" && !record.ValidName(string(e.Name)):
		d.wrong(join(path, "name"), nameRule)
	case e.Name == "ledger" && c.model.Ledger != nil:
		d.wrong(join(path, "name"), "it is the name of the ledger; take another one")
	}
	switch {
	case c.model.Ledger != nil && e.Delivery != "":
		d.wrong(join(path, "delivery"), "all exporters follow the ledger; leave it out")
	case c.model.Ledger != nil && e.Batch != nil:
		d.wrong(join(path, "batch"), "all exporters follow the ledger; say it in ledger.export")
	case e.Batch != nil && e.Delivery != deliveryBatch:
		d.wrong(join(path, "batch"), "it is for delivery: batch")
	}
	if b := e.Batch; b != nil {
		queue := count(sdk.DefaultQueueSize)
		if b.QueueSize > 0 {
			queue = b.QueueSize
		}
		if b.BatchSize > queue {
			d.wrong(join(path, "batch", "batch_size"), fmt.Sprintf("it is more than the queue's %d", queue))
		}
	}
}

// judge has the SDK look at everything but the exporters, the ledger, and the policy,
// which names exporters.
func (c *Config) judge(ctx context.Context) {
	opts, err := c.options(ctx)
	if err == nil {
		err = judge(opts...)
	}
	for _, each := range leaves(err) {
		if each != nil {
			c.decoder.failed("", each)
		}
	}
}

// options returns the options that are no deliveries.
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
	if l := c.settings.logger; l != nil {
		opts = append(opts, sdk.WithLogger(l))
	}
	return opts, nil
}

// String returns the configuration as YAML, as it was written: with ${VAR} and not its
// value, and without secrets.
func (c *Config) String() string { return c.decoder.dump() }

// Format writes what String returns, whatever the verb is.
func (c *Config) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue returns what String does.
func (c *Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns what String does.
func (c *Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
