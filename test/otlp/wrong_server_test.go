package otlp_test

import (
	"context"
	"strings"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWrongServer checks misconfigured exporters. They deliver nothing, but their errors are not
// permanent, so the records are delivered once the configuration is fixed.
func TestWrongServer(t *testing.T) {
	t.Parallel()
	certificates, others := collector.NewCertificates(t), collector.NewCertificates(t)
	sink := collector.NewSink(t)
	plain := collector.Start(t, collector.WithSink(sink))
	withServerTLS := collector.Start(t, collector.WithSink(sink), collector.WithTLS(certificates))
	mutual := collector.Start(t, collector.WithSink(sink), collector.WithMutualTLS(certificates))
	for name, test := range map[string]struct {
		transport transport
		url       string
		opt       otlp.Option
	}{
		"gRPC, unknown authority":       {overGRPC, withServerTLS.GRPCEndpoint(), otlp.WithTLS(others.Trusting())},
		"HTTP, unknown authority":       {overHTTP, withServerTLS.HTTPEndpoint(), otlp.WithTLS(others.Trusting())},
		"gRPC, without a certificate":   {overGRPC, mutual.GRPCEndpoint(), otlp.WithTLS(certificates.Trusting())},
		"HTTP, without a certificate":   {overHTTP, mutual.HTTPEndpoint(), otlp.WithTLS(certificates.Trusting())},
		"gRPC, without TLS":             {overGRPC, withoutTLS(withServerTLS.GRPCEndpoint()), nil},
		"HTTP, without TLS":             {overHTTP, withoutTLS(withServerTLS.HTTPEndpoint()), nil},
		"gRPC, TLS to a server without": {overGRPC, withTLS(plain.GRPCEndpoint()), nil},
		"HTTP, TLS to a server without": {overHTTP, withTLS(plain.HTTPEndpoint()), nil},
		"gRPC, the port of HTTP":        {overGRPC, plain.HTTPEndpoint(), nil},
		"HTTP, the port of gRPC":        {overHTTP, plain.GRPCEndpoint(), nil},
		"HTTP, another path":            {overHTTP, plain.HTTPEndpoint() + "/elsewhere", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := test.transport.exporterTo(t, test.url, test.opt)
			defer func() { assert.NoError(t, e.Shutdown(context.Background())) }()
			err := e.Export(t.Context(), exporttest.OddRecords()[:3])
			require.Error(t, err)
			assert.False(t, export.IsPermanent(err), err)
			assert.Empty(t, sink.Logs())
			t.Log(err)
		})
	}
}

func withTLS(url string) string    { return strings.Replace(url, "http:", "https:", 1) }
func withoutTLS(url string) string { return strings.Replace(url, "https:", "http:", 1) }
