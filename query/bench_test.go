package query_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// BenchmarkText searches the texts of a record that does not have the words: in its JSON, and
// in the record itself.
func BenchmarkText(b *testing.B) {
	r := newRecord(func(r *record.Record) {
		r.Target = audit.Target{Type: "article", ID: "1001", Name: "Hello"}
		r.Reason, r.Tenant, r.Channel, r.Outcome = "editorial approval", "acme", "api", audit.OutcomeSuccess
		r.Time = r.Time.UTC().AddDate(2000, 0, 0)
		r.Changes = []audit.Change{{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")}}
		r.Metadata = []attribute.KeyValue{
			attribute.String("client.address", "10.0.0.1"), attribute.String("http.request.method", "PATCH"), attribute.String("http.route", "/articles/:id"),
		}
	})
	json, err := r.AppendJSON(nil)
	require.NoError(b, err)
	for name, text := range map[string]string{"word": "refund@example.com", "accent": "café"} {
		m, err := query.NewMatcher(query.Filter{Text: text})
		require.NoError(b, err)
		b.Run(name+"/json", func(b *testing.B) {
			b.SetBytes(int64(len(json)))
			for b.Loop() {
				if m.MayMatchJSON(json) {
					b.Fatal("it may match")
				}
			}
		})
		b.Run(name+"/record", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if m.Matches(r) {
					b.Fatal("it matches")
				}
			}
		})
	}
}
