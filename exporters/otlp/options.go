package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"time"

	"github.com/opendeed/audit/record"
)

// The defaults of an exporter.
const (
	// DefaultName is the name of the exporter.
	DefaultName = "otlp"
	// DefaultTimeout is the timeout of one request.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxRequestSize is the size limit of a request, in bytes before compression.
	// It is the default limit of gRPC servers.
	DefaultMaxRequestSize = 4 << 20
	// DefaultConcurrency is the number of concurrent requests.
	DefaultConcurrency = 2
)

// Compression is a compression of requests.
type Compression string

// The compressions, with their names in environment variables.
const (
	NoCompression Compression = "none"
	Gzip          Compression = "gzip"
)

// Option configures an Exporter. Options take precedence over environment variables.
type Option func(*config)

type protocol int

const (
	protocolGRPC protocol = iota
	protocolHTTP
)

type config struct {
	name        string
	concurrency int
	maxRequest  int
	logger      *slog.Logger
	warning     func(context.Context, string)

	// Settings that may also come from the environment; nil if no option set them.
	endpoint     *endpoint
	insecure     *bool
	headers      map[string]string
	tls          *tls.Config
	compression  *Compression
	timeout      *time.Duration
	hasTLSOption bool
}

// newConfig reads options and environment variables. The error lists all invalid ones.
func newConfig(p protocol, opts []Option) (*config, error) {
	c := &config{
		name:        DefaultName,
		concurrency: DefaultConcurrency,
		maxRequest:  DefaultMaxRequestSize,
		logger:      slog.Default(),
	}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	errs := []error{c.check(), c.readEnvironment(p)}
	if c.endpoint != nil {
		errs = append(errs, c.endpoint.check(p, *c.insecure))
	}
	if c.headers != nil {
		errs = append(errs, checkHeaders(c.headers, p))
	}
	return c, errors.Join(errs...)
}

// check validates the options.
func (c *config) check() error {
	var errs []error
	if !record.ValidName(c.name) {
		errs = append(errs, fmt.Errorf("WithName: %q does not match %s", c.name, record.NamePattern))
	}
	if c.concurrency < 1 {
		errs = append(errs, errors.New("WithConcurrency: the number must be positive"))
	}
	if c.maxRequest < 1 {
		errs = append(errs, errors.New("WithMaxRequestSize: the number must be positive"))
	}
	if c.timeout != nil && *c.timeout <= 0 {
		errs = append(errs, errors.New("WithTimeout: the timeout must be positive"))
	}
	if c.compression != nil && !c.compression.valid() {
		errs = append(errs, fmt.Errorf("WithCompression: %q is not supported; use %s or %s", *c.compression, Gzip, NoCompression))
	}
	if c.hasTLSOption && c.tls == nil {
		errs = append(errs, errors.New("WithTLS: the configuration is nil"))
	}
	if c.logger == nil {
		errs = append(errs, errors.New("WithLogger: the logger is nil"))
	}
	return errors.Join(errs...)
}

func (c Compression) valid() bool { return c == NoCompression || c == Gzip }

// WithName sets the name of the exporter. It must match record.NamePattern and be unique
// in a provider. The default is DefaultName.
func WithName(name string) Option {
	return func(c *config) { c.name = name }
}

// WithEndpoint sets the URL of the server, like OTEL_EXPORTER_OTLP_ENDPOINT. The scheme is
// http, or https for TLS. For HTTP, /v1/logs is added to the path. For gRPC, it may also be
// a target of grpc.NewClient, such as "collector:4317", which uses TLS unless WithInsecure
// is given. The default is "http://localhost:4317" for gRPC and "http://localhost:4318"
// for HTTP.
func WithEndpoint(base string) Option {
	return func(c *config) { c.endpoint = &endpoint{from: "WithEndpoint", text: base} }
}

// WithLogsEndpoint is like WithEndpoint, but uses the URL of HTTP requests unchanged, like
// OTEL_EXPORTER_OTLP_LOGS_ENDPOINT.
func WithLogsEndpoint(url string) Option {
	return func(c *config) { c.endpoint = &endpoint{from: "WithLogsEndpoint", text: url, exact: true} }
}

// WithInsecure disables TLS for a gRPC endpoint that is not a URL.
func WithInsecure() Option {
	insecure := true
	return func(c *config) { c.insecure = &insecure }
}

// WithHeaders sets headers of each request; for gRPC, its metadata. The values, which are
// often credentials, never appear in errors or logs.
func WithHeaders(headers map[string]string) Option {
	return func(c *config) { c.headers = maps.Clone(headers) }
}

// WithTLS sets the TLS configuration, instead of the certificates in the environment. It is
// copied.
func WithTLS(t *tls.Config) Option {
	return func(c *config) { c.tls, c.hasTLSOption = t.Clone(), true }
}

// WithCompression sets the compression of requests. The default is NoCompression.
func WithCompression(compression Compression) Option {
	return func(c *config) { c.compression = &compression }
}

// WithTimeout sets the timeout of one request. The default is DefaultTimeout.
func WithTimeout(d time.Duration) Option {
	return func(c *config) { c.timeout = &d }
}

// WithMaxRequestSize sets the size limit of a request, in bytes before compression. A single
// record that is larger is rejected permanently. The default is DefaultMaxRequestSize.
func WithMaxRequestSize(bytes int) Option {
	return func(c *config) { c.maxRequest = bytes }
}

// WithConcurrency sets the number of concurrent requests. With more than one, the records of
// a batch may reach the server in another order. The default is DefaultConcurrency.
func WithConcurrency(requests int) Option {
	return func(c *config) { c.concurrency = requests }
}

// WithWarningHandler sets a function that is called with the message that a server sends with
// a success. The message may quote records. The function must be safe for concurrent use
// and must not block. By default the exporter logs a warning without the message.
func WithWarningHandler(handle func(ctx context.Context, text string)) Option {
	return func(c *config) { c.warning = handle }
}

// WithLogger sets the logger for warnings of the server. The default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// endpoint is the address of the server.
type endpoint struct {
	from  string // the name of the option or variable
	text  string
	exact bool // use the path of the URL unchanged

	// Set by check.
	url    *url.URL // nil for a gRPC target that is not a URL
	secure bool
}
