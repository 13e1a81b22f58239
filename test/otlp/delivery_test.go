package otlp_test

import (
	"testing"

	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/assert"
)

func TestDelivery(t *testing.T) {
	t.Parallel()
	certificates := collector.NewCertificates(t)
	for _, test := range []struct {
		name      string
		transport transport
		server    []collector.Option
		client    []otlp.Option
	}{
		{name: "gRPC", transport: overGRPC},
		{name: "HTTP", transport: overHTTP},
		{
			"gRPC with TLS", overGRPC,
			[]collector.Option{collector.WithTLS(certificates)},
			[]otlp.Option{otlp.WithTLS(certificates.Trusting())},
		},
		{
			"HTTP with mutual TLS", overHTTP,
			[]collector.Option{collector.WithMutualTLS(certificates)},
			[]otlp.Option{otlp.WithTLS(certificates.Mutual())},
		},
	} {
		for _, compression := range []otlp.Compression{otlp.NoCompression, otlp.Gzip} {
			t.Run(test.name+", compression "+string(compression), func(t *testing.T) {
				t.Parallel()
				sink := collector.NewSink(t)
				c := collector.Start(t, append(test.server, collector.WithSink(sink))...)
				s := newService(t, test.transport.exporter(t, c, append(test.client, otlp.WithCompression(compression))...))
				s.TrackConcurrently(1000)
				letters, repeated := s.settle(sink.Logs)
				assert.Empty(t, letters)
				assert.Zero(t, repeated)
				assert.Len(t, sink.Logs(), 1000)
			})
		}
	}
}

func TestCollectorIsDownAtStart(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			sink := collector.NewSink(t)
			c := collector.Start(t, collector.WithSink(sink))
			c.Kill()
			s := newService(t, tr.exporter(t, c))
			s.Track(100)
			assert.Empty(t, sink.Logs())
			assert.NoError(t, c.Run())
			letters, repeated := s.settle(sink.Logs)
			assert.Empty(t, letters)
			assert.Zero(t, repeated)
			assert.Len(t, sink.Logs(), 100)
		})
	}
}
