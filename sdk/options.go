package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/internal/gaps"
	"github.com/opendeed/audit/sdk/redact"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// DefaultTrackTimeout is the default of WithTrackTimeout.
const DefaultTrackTimeout = 10 * time.Second

// Option configures a TrackerProvider.
type Option func(*config)

type config struct {
	resource       *resource.Resource
	processors     []Processor
	anonymous      []string
	validation     []ValidationOption
	redaction      []redact.Option
	trackTimeout   time.Duration
	attemptTimeout time.Duration
	foldingLimit   int
	foldingWindow  time.Duration
	meterProvider  metric.MeterProvider
	logger         *slog.Logger
	errorHandler   func(context.Context, error)
	policy         *policy.Policy
	names          []string                                          // of exporters and ledgers
	exporters      []string                                          // names of exporters
	deliveries     []func(*deliveryParts) (delivery.Delivery, error) // called if there is no error
	ledgers        int
	seal           delivery.Sealing
	gapInterval    time.Duration
	counts         *gaps.Counts // nil without WithGapRecords
	closers        []func(context.Context) error
	errs           []error
}

func newConfig(opts []Option) *config {
	c := &config{
		trackTimeout: DefaultTrackTimeout, attemptTimeout: DefaultAttemptTimeout,
		foldingLimit: DefaultFoldingLimit, foldingWindow: DefaultFoldingWindow,
	}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	if c.meterProvider == nil {
		c.meterProvider = otel.GetMeterProvider()
	}
	if c.logger == nil {
		c.logger = slog.Default()
	}
	if c.resource == nil {
		r, err := defaultResource()
		c.fail(err)
		c.resource = r
	}
	return c
}

func (c *config) fail(err error) {
	if err != nil {
		c.errs = append(c.errs, err)
	}
}

// deliveryParts is what deliveries need of the provider.
type deliveryParts struct {
	env     delivery.Env
	filter  func(export.Exporter) export.Exporter // by the policy
	closing delivery.Closing

	attemptTimeout time.Duration
	seal           delivery.Sealing
	drained        func(*delivery.Ledger) error
}

var errNoDelivery = errors.New("it has no delivery; add sdk.WithLedger, sdk.WithSyncer or sdk.WithBatcher")

// checkDeliveries rejects a provider without deliveries, and exporters with the same name.
func (c *config) checkDeliveries() {
	if len(c.names) == 0 && len(c.errs) == 0 {
		c.fail(errNoDelivery)
	}
	seen := map[string]bool{}
	for _, name := range c.names {
		if seen[name] {
			c.fail(fmt.Errorf("two exporters are named %q; give each its own name", name))
		}
		seen[name] = true
	}
}

// addDelivery checks the exporter and keeps open until all options are checked.
func (c *config) addDelivery(e export.Exporter, option string, open func(delivery.Env) delivery.Delivery) {
	if c.addName(e, option) {
		c.deliveries = append(c.deliveries, func(parts *deliveryParts) (delivery.Delivery, error) { return open(parts.env), nil })
	}
}

// addName checks the exporter and adds its name.
func (c *config) addName(e export.Exporter, option string) (ok bool) {
	if e == nil {
		c.fail(fmt.Errorf("%s: the exporter is nil", option))
		return false
	}
	name := e.Name()
	if !record.ValidName(name) {
		c.fail(fmt.Errorf("%s: the exporter's name %q does not match %s", option, name, record.NamePattern))
		return false
	}
	c.names = append(c.names, name)
	c.exporters = append(c.exporters, name)
	return true
}

// WithResource sets the resource that describes the service. By default it comes from the
// environment variables OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME.
func WithResource(r *resource.Resource) Option {
	return func(c *config) { c.resource = r }
}

// WithProcessor adds processors. They get records in the given order, before validation,
// suppression and redaction.
func WithProcessor(processors ...Processor) Option {
	return func(c *config) {
		for _, p := range processors {
			if p == nil {
				c.fail(errors.New("WithProcessor: a processor is nil"))
				continue
			}
			c.processors = append(c.processors, p)
		}
	}
}

// WithAnonymous allows the anonymous actor for actions that match one of the patterns, in
// which * stands for any characters ("article.*"). The application must still set the
// actor to audit.Anonymous: an event without an actor is an error. Failed logins and the
// action access.denied need no permission.
func WithAnonymous(actions ...string) Option {
	return func(c *config) { c.anonymous = append(c.anonymous, actions...) }
}

// WithValidation adds rules to those that every record must meet.
func WithValidation(opts ...ValidationOption) Option {
	return func(c *config) { c.validation = append(c.validation, opts...) }
}

// WithRedaction changes what is redacted. Package redact describes the default.
func WithRedaction(opts ...redact.Option) Option {
	return func(c *config) { c.redaction = append(c.redaction, opts...) }
}

// WithTrackTimeout limits how long Track waits for a full queue or ledger, a slow
// exporter, or the function that finds the actor. The default is DefaultTrackTimeout.
func WithTrackTimeout(d time.Duration) Option {
	return func(c *config) {
		c.trackTimeout = d
		if d <= 0 {
			c.fail(errors.New("WithTrackTimeout: the timeout must be positive"))
		}
	}
}

// DefaultAttemptTimeout is the default of WithAttemptTimeout.
const DefaultAttemptTimeout = time.Hour

// WithAttemptTimeout limits how long an attempt ([audit.Begin]) that is not finished keeps
// its slot in a ledger, which has ledger.MaxOpenPairs of them. Then the metric
// audit.attempts.expired counts it, and a start after a crash no longer closes it. Nothing
// is recorded about its outcome, and Finish still works. The timeout should be longer than
// the longest work between Begin and Finish. The default is DefaultAttemptTimeout.
func WithAttemptTimeout(d time.Duration) Option {
	return func(c *config) {
		c.attemptTimeout = d
		if d <= 0 {
			c.fail(errors.New("WithAttemptTimeout: the timeout must be positive"))
		}
	}
}

// WithMeterProvider sets the provider for the SDK's own metrics. The default is
// OpenTelemetry's global provider.
func WithMeterProvider(mp metric.MeterProvider) Option {
	return func(c *config) { c.meterProvider = mp }
}

// WithCloser adds a function that Shutdown calls at last, to release what the options need, such
// as the connection of a key store. If NewTrackerProvider fails, it is not called.
func WithCloser(release func(context.Context) error) Option {
	if release == nil {
		return func(c *config) { c.fail(errors.New("WithCloser: the function is nil")) }
	}
	return func(c *config) { c.closers = append(c.closers, release) }
}

// WithLogger sets the logger for problems that no caller gets as an error. Log lines never
// contain the values of events: in the errors of exporters, secrets are redacted, and the
// values of the records, of at least 8 bytes, are masked. The default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithErrorHandler sets a function for what an application does wrong where it gets no
// error, such as a call of audit.SetChanges with values that cannot be diffed. It may be
// called concurrently. By default such errors are logged.
func WithErrorHandler(f func(context.Context, error)) Option {
	return func(c *config) { c.errorHandler = f }
}
