package record_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// usualRecord returns a typical record of a web application: twelve texts as metadata and
// no changes.
func usualRecord() *record.Record {
	r := fullRecord()
	r.Actor = audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "jwt"}
	r.Target.Name = ""
	r.Changes, r.Overridden, r.Redacted = nil, nil, nil
	r.Metadata = []attribute.KeyValue{
		attribute.String("app.region", "eu-west-1"),
		attribute.String("app.version", "1.2.0"),
		attribute.String("client.address", "203.0.113.7"),
		attribute.String("feature.flag", "beta-editor"),
		attribute.String("http.request.id", "0199c1f2-aaaa-7bbb-8ccc-000000000001"),
		attribute.String("http.request.method", "PATCH"),
		attribute.String("http.route", "/articles/:id"),
		attribute.String("network.peer.address", "10.0.0.1"),
		attribute.String("order.number", "A-1001"),
		attribute.String("url.path", "/articles/1001"),
		attribute.String("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
		attribute.String("workflow.step", "review"),
	}
	return r
}

func BenchmarkAppendJSON(b *testing.B) {
	for name, r := range map[string]*record.Record{"record=usual": usualRecord(), "record=full": fullRecord(), "record=values": valuesRecord()} {
		b.Run(name, func(b *testing.B) {
			line := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.AppendJSON(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshalJSON(b *testing.B) {
	for name, r := range map[string]*record.Record{"record=usual": usualRecord(), "record=full": fullRecord(), "record=values": valuesRecord()} {
		line, err := r.AppendJSON(nil)
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var r record.Record
				if err := r.UnmarshalJSON(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestRecordJSONAllocations is not parallel, because it counts the allocations of the whole
// program.
func TestRecordJSONAllocations(t *testing.T) {
	r := usualRecord()
	line := make([]byte, 0, 4096)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = r.AppendJSON(line) }))
	text, err := r.AppendJSON(nil)
	require.NoError(t, err)
	var back record.Record
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = back.UnmarshalJSON(text) }), 2.0, "the text and the metadata")
}
