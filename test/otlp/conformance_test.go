package otlp_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			var sink *collector.Sink
			exporttest.Run(t,
				func(t *testing.T) export.Exporter {
					sink = collector.NewSink(t)
					// One request at a time, since the suite checks the order.
					return tr.exporter(t, collector.Start(t, collector.WithSink(sink)), otlp.WithConcurrency(1))
				},
				func(t *testing.T) []*record.Record { return decode(t, sink.Logs()) },
			)
		})
	}
}

// TestOddRecords is stricter than the conformance suite: it compares the JSON byte for byte.
func TestOddRecords(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			sink := collector.NewSink(t)
			e := tr.exporter(t, collector.Start(t, collector.WithSink(sink)), otlp.WithConcurrency(1))
			records := exporttest.OddRecords()
			require.NoError(t, e.Export(t.Context(), records))
			require.NoError(t, e.Shutdown(context.Background()))
			arrived := decode(t, sink.Logs())
			require.Len(t, arrived, len(records))
			for i, r := range records {
				require.NoError(t, exporttest.Equal(r, arrived[i]), r.Action)
				assert.Equal(t, text(t, r), text(t, arrived[i]), r.Action)
			}
		})
	}
}
