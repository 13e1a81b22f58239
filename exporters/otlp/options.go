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
	// DefaultName is the exporter's name.
	DefaultName = "otlp"
	// DefaultTimeout bounds one request.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxRequestSize is the largest request, in bytes before compression:
	// what servers over gRPC take unless they are told otherwise.
	DefaultMaxRequestSize = 4 << 20
	// DefaultConcurrency is how many requests are under way at the same time.
	DefaultConcurrency = 2
)

// Compression is how requests are compressed.
type Compression string

// The compressions, by the words that the environment has for them.
const (
	NoCompression Compression = "none"
	Gzip          Compression = "gzip"
)

// Option configures an Exporter. An option goes before the environment.
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

	// What the environment can say too; nil for what no option says.
	endpoint     *endpoint
	insecure     *bool
	headers      map[string]string
	tls          *tls.Config
	compression  *Compression
	timeout      *time.Duration
	hasTLSOption bool
}

// newConfig finds everything that is wrong.
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

// check checks what only options say.
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
		errs = append(errs, fmt.Errorf("WithCompression: %q is not supported; take %s or %s", *c.compression, Gzip, NoCompression))
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

// WithName sets the exporter's name. The default is DefaultName.
func WithName(name string) Option {
	return func(c *config) { c.name = name }
}

// WithEndpoint sets where the server is, as OTEL_EXPORTER_OTLP_ENDPOINT does: a URL
// whose scheme is http or https, which tells whether there is TLS. HTTP adds /v1/logs
// to its path. gRPC also takes what grpc.NewClient takes, such as "collector:4317",
// with TLS unless WithInsecure says otherwise. The default is
// "http://localhost:4317" for gRPC and "http://localhost:4318" for HTTP.
func WithEndpoint(base string) Option {
	return func(c *config) { c.endpoint = &endpoint{from: "WithEndpoint", text: base} }
}

// WithLogsEndpoint is WithEndpoint with the URL of HTTP requests as it is, as
// OTEL_EXPORTER_OTLP_LOGS_ENDPOINT has it.
func WithLogsEndpoint(url string) Option {
	return func(c *config) { c.endpoint = &endpoint{from: "WithLogsEndpoint", text: url, exact: true} }
}

// WithInsecure has an endpoint of gRPC that is no URL used without TLS.
func WithInsecure() Option {
	insecure := true
	return func(c *config) { c.insecure = &insecure }
}

// WithHeaders sets headers that each request has, or metadata in the case of gRPC:
// often a credential, which is never shown.
func WithHeaders(headers map[string]string) Option {
	return func(c *config) { c.headers = maps.Clone(headers) }
}

// WithTLS sets how connections with TLS are made, in place of the certificates that
// the environment names. The configuration is copied.
func WithTLS(t *tls.Config) Option {
	return func(c *config) { c.tls, c.hasTLSOption = t.Clone(), true }
}

// WithCompression sets how requests are compressed. The default is NoCompression.
func WithCompression(compression Compression) Option {
	return func(c *config) { c.compression = &compression }
}

// WithTimeout bounds one request. The default is DefaultTimeout.
func WithTimeout(d time.Duration) Option {
	return func(c *config) { c.timeout = &d }
}

// WithMaxRequestSize bounds a request, in bytes before compression. The default is
// DefaultMaxRequestSize. A record that is larger alone is refused for good.
func WithMaxRequestSize(bytes int) Option {
	return func(c *config) { c.maxRequest = bytes }
}

// WithConcurrency sets how many requests are under way at the same time. The default
// is DefaultConcurrency. With more than one, the records of a batch may come to the
// server in another order.
func WithConcurrency(requests int) Option {
	return func(c *config) { c.concurrency = requests }
}

// WithWarningHandler has handle called with the text that a server may send with a
// success, which may quote records. It must be safe for concurrent use, and return
// soon. By default a warning is logged, without the text.
func WithWarningHandler(handle func(ctx context.Context, text string)) Option {
	return func(c *config) { c.warning = handle }
}

// WithLogger sets where warnings of the server are reported. The default is
// slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// endpoint is where the server is.
type endpoint struct {
	from  string // the option or variable
	text  string
	exact bool // the path of HTTP is as it stands there

	// What check makes of it.
	url    *url.URL // nil for a target of gRPC that is no URL
	secure bool
}
