// Package collector runs an OpenTelemetry collector for tests, as a process that they can kill,
// and a sink that receives what the collector exports.
package collector

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/test/loopback"
	"github.com/opendeed/audit/test/process"
)

// Collector is an OpenTelemetry collector that receives OTLP logs over gRPC and HTTP. It has no
// queue: it acknowledges a request after its sink has accepted it. Its methods must not be called
// concurrently.
type Collector struct {
	scheme     string
	grpc, http string // addresses
	config     string // path of the configuration file
	process    *process.Process
}

// Option configures a collector.
type Option func(*settings)

type settings struct {
	sink         string
	certificates *Certificates
	mutual       bool
}

// WithSink makes the collector export to the sink. Without a sink it discards what it receives.
func WithSink(s *Sink) Option { return func(c *settings) { c.sink = s.URL() } }

// WithTLS makes the collector require TLS and use the server's certificate.
func WithTLS(certificates *Certificates) Option {
	return func(c *settings) { c.certificates = certificates }
}

// WithMutualTLS is like WithTLS, and requires a client certificate of the same authority.
func WithMutualTLS(certificates *Certificates) Option {
	return func(c *settings) { c.certificates, c.mutual = certificates, true }
}

// Start builds and starts a collector, and waits until it accepts requests. The collector is
// killed at the end of the test.
func Start(tb testing.TB, opts ...Option) *Collector {
	tb.Helper()
	var s settings
	for _, opt := range opts {
		opt(&s)
	}
	c := &Collector{scheme: "http", config: filepath.Join(tb.TempDir(), "collector.yaml")}
	if s.certificates != nil {
		c.scheme = "https"
	}
	var err error
	if c.grpc, err = loopback.FreeAddress(); err != nil {
		tb.Fatal(err)
	}
	if c.http, err = loopback.FreeAddress(); err != nil {
		tb.Fatal(err)
	}
	text, err := json.Marshal(s.config(c.grpc, c.http)) // JSON is valid YAML
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(c.config, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := c.Run(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Kill)
	return c
}

// GRPCEndpoint returns the URL for OTLP over gRPC. It stays the same after a restart.
func (c *Collector) GRPCEndpoint() string { return c.scheme + "://" + c.grpc }

// HTTPEndpoint returns the URL for OTLP over HTTP, without the path of a signal. It stays the
// same after a restart.
func (c *Collector) HTTPEndpoint() string { return c.scheme + "://" + c.http }

// Run restarts the collector after Kill, on the same addresses, and waits until it accepts
// requests.
func (c *Collector) Run() error {
	if c.process != nil {
		return errors.New("the collector is running")
	}
	program, err := process.Build("collector")
	if err != nil {
		return err
	}
	c.process, _, err = process.Start(program, "-config", c.config)
	return err
}

// Kill ends the collector immediately, without a chance to clean up. It does nothing if the
// collector is not running.
func (c *Collector) Kill() {
	c.process.Kill()
	c.process = nil
}
