package report_test

import (
	"testing"
	"time"

	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCSVColumns compares the columns that are copied from the JSON with those of a table,
// which come from the record.
func TestCSVColumns(t *testing.T) {
	lines := []string{
		`{"action":"a.b","actor":{"type":"anonymous"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`,
		`{"action":"article.update","actor":{"auth_method":"jwt","id":"4\"2\\","name":"Al\nice","on_behalf_of":{"id":"7","type":"user"},"type":"user"},"changes":[{"field":"ti,tle\"}]","new":{"a":["}"]},"old":"\\"}],"channel":"api","failure":"f","id":"0199c1f2-0000-7000-8000-000000000001","kind":"signal","marks":[{"mark":"dropped","path":"metadata"}],"metadata":{"a":"]}\"","b":[1,{}]},"operation":"update","outcome":"success","reason":"=1","redacted":["a","b"],"resource":{"service.name":"shop"},"target":{"id":"1001","name":"Hello","type":"article"},"tenant":"acme","time":"2026-11-23T07:26:02.123456789Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`,
	}
	for _, line := range lines {
		var r record.Record
		require.NoError(t, r.UnmarshalJSON([]byte(line)))
		for _, name := range report.ColumnNames() {
			columns, err := report.Columns(name)
			require.NoError(t, err)
			line, err := report.NewCSV(columns, time.UTC).Append(nil, &r)
			require.NoError(t, err)
			want := string(report.AppendCell(nil, columns[0].Text(&r, time.UTC))) + "\r\n"
			assert.Equal(t, want, string(line), name)
		}
	}
}

func BenchmarkCSV(b *testing.B) {
	var r record.Record
	require.NoError(b, r.UnmarshalJSON([]byte(`{"action":"invoice.update","actor":{"id":"42","type":"user"},"changes":[{"field":"amount","new":2100,"old":1200}],"channel":"api","id":"0199c1f2-0000-7000-8000-000000000003","kind":"intent","metadata":{"client.address":"10.0.0.9","http.request.method":"PATCH","http.response.status_code":200,"http.route":"/invoices/:id","user_agent.original":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},"operation":"update","outcome":"success","reason":"the supplier corrected the price","target":{"id":"1001","name":"Chairs","type":"invoice"},"tenant":"acme","time":"2026-11-20T14:30:00.000000000Z"}`)))
	columns, err := report.Columns()
	require.NoError(b, err)
	lines := report.NewCSV(columns, time.UTC)
	var line []byte
	for b.Loop() {
		line, _ = lines.Append(line[:0], &r)
	}
}
