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

// TestWrongServer has exporters that are set up wrong. Nothing is delivered, and nothing
// is given up: it is the mistake that is to be mended.
func TestWrongServer(t *testing.T) {
	t.Parallel()
	certificates, others := collector.NewCertificates(t), collector.NewCertificates(t)
	sink := collector.NewSink(t)
	plain := collector.Start(t, collector.WithSink(sink))
	secret := collector.Start(t, collector.WithSink(sink), collector.WithTLS(certificates))
	mutual := collector.Start(t, collector.WithSink(sink), collector.WithMutualTLS(certificates))
	for name, test := range map[string]struct {
		by  transport
		url string
		opt otlp.Option
	}{
		"gRPC, unknown authority":       {overGRPC, secret.GRPCEndpoint(), otlp.WithTLS(others.Trusting())},
		"HTTP, unknown authority":       {overHTTP, secret.HTTPEndpoint(), otlp.WithTLS(others.Trusting())},
		"gRPC, without a certificate":   {overGRPC, mutual.GRPCEndpoint(), otlp.WithTLS(certificates.Trusting())},
		"HTTP, without a certificate":   {overHTTP, mutual.HTTPEndpoint(), otlp.WithTLS(certificates.Trusting())},
		"gRPC, without TLS":             {overGRPC, withoutTLS(secret.GRPCEndpoint()), nil},
		"HTTP, without TLS":             {overHTTP, withoutTLS(secret.HTTPEndpoint()), nil},
		"gRPC, TLS where there is none": {overGRPC, withTLS(plain.GRPCEndpoint()), nil},
		"HTTP, TLS where there is none": {overHTTP, withTLS(plain.HTTPEndpoint()), nil},
		"gRPC, the port of HTTP":        {overGRPC, plain.HTTPEndpoint(), nil},
		"HTTP, the port of gRPC":        {overHTTP, plain.GRPCEndpoint(), nil},
		"HTTP, another path":            {overHTTP, plain.HTTPEndpoint() + "/elsewhere", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := test.by.exporterTo(t, test.url, test.opt)
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
