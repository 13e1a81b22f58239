package otlp_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/require"
)

// transport is a protocol between exporter and collector.
type transport struct {
	name string
	open func(context.Context, ...otlp.Option) (*otlp.Exporter, error)
	url  func(*collector.Collector) string
}

var (
	overGRPC = transport{"gRPC", otlp.NewGRPC, (*collector.Collector).GRPCEndpoint}
	overHTTP = transport{"HTTP", otlp.NewHTTP, (*collector.Collector).HTTPEndpoint}

	transports = []transport{overGRPC, overHTTP}
)

// exporter returns an exporter to the collector. The caller or its provider shuts it down.
func (tr transport) exporter(t *testing.T, c *collector.Collector, opts ...otlp.Option) *otlp.Exporter {
	t.Helper()
	return tr.exporterTo(t, tr.url(c), opts...)
}

// exporterTo is like exporter, for the server at the URL.
func (tr transport) exporterTo(t *testing.T, url string, opts ...otlp.Option) *otlp.Exporter {
	t.Helper()
	opts = append([]otlp.Option{otlp.WithEndpoint(url), otlp.WithLogger(quiet)}, opts...)
	e, err := tr.open(t.Context(), opts...)
	require.NoError(t, err)
	return e
}

var quiet = slog.New(slog.DiscardHandler)
