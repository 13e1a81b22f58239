// Package collector starts an OpenTelemetry collector for tests, as a process that they
// can kill, and gives it a sink for what it takes.
package collector

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/test/process"
)

// Collector is an OpenTelemetry collector that takes OTLP logs over gRPC and HTTP, and
// acknowledges a request when its sink has it, since it has no queue. Its methods are
// not for concurrent use.
type Collector struct {
	scheme     string
	grpc, http string // addresses
	config     string // the path of the file
	process    *process.Process
}

// Option configures a collector.
type Option func(*settings)

type settings struct {
	sink         string
	certificates *Certificates
	mutual       bool
}

// WithSink sends what the collector takes to the sink. Without a sink it is thrown away.
func WithSink(s *Sink) Option { return func(c *settings) { c.sink = s.URL() } }

// WithTLS has the collector take TLS only, with the server's certificate.
func WithTLS(certificates *Certificates) Option {
	return func(c *settings) { c.certificates = certificates }
}

// WithMutualTLS is WithTLS, and clients need a certificate of the same authority.
func WithMutualTLS(certificates *Certificates) Option {
	return func(c *settings) { c.certificates, c.mutual = certificates, true }
}

// Start starts a collector of the test's own, which ends with the test, and waits until
// it takes requests. It is built before, if need be.
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
	if c.grpc, err = freeAddress(); err != nil {
		tb.Fatal(err)
	}
	if c.http, err = freeAddress(); err != nil {
		tb.Fatal(err)
	}
	text, err := json.Marshal(s.config(c.grpc, c.http)) // which is YAML too
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

// GRPCEndpoint is the URL of the server for OTLP over gRPC, the same after a restart.
func (c *Collector) GRPCEndpoint() string { return c.scheme + "://" + c.grpc }

// HTTPEndpoint is the URL of the server for OTLP over HTTP, without the path of a signal.
// It is the same after a restart.
func (c *Collector) HTTPEndpoint() string { return c.scheme + "://" + c.http }

// Run starts the collector again after Kill, on the same addresses, and waits until it
// takes requests.
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

// Kill ends the collector at once, if it runs: nothing is told to it.
func (c *Collector) Kill() {
	c.process.Kill()
	c.process = nil
}
