package report_test

import (
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzCSV compares the columns that are copied from the JSON with those of a table, which come
// from the record.
func FuzzCSV(f *testing.F) {
	f.Add(`{"action":"a.b","actor":{"type":"anonymous"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`)
	f.Add(`{"action":"article.update","actor":{"auth_method":"jwt","id":"4\"2\\","name":"Al\nice","on_behalf_of":{"id":"7","type":"user"},"type":"user"},"changes":[{"field":"ti,tle\"}]","new":{"a":["}"]},"old":"\\"}],"channel":"api","failure":"f","id":"0199c1f2-0000-7000-8000-000000000001","kind":"signal","marks":[{"mark":"dropped","path":"metadata"}],"metadata":{"a":"]}\"","b":[1,{}]},"operation":"update","outcome":"success","reason":"=1","redacted":["a","b"],"resource":{"service\"name":"no","service.name":"shop"},"target":{"id":"1001","name":"Hello","type":"article"},"tenant":"acme","time":"2026-11-23T07:26:02.123456789Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`)
	f.Add(`{"action":"a.b","actor":{"type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","metadata":{"client\n":1,"client.address":["a"],"http.route":{"$i":"9007199254740992"}},"outcome":"unknown","resource":{"\\":1,"service.name":1.5},"target":{"id":"=1"},"time":"2026-11-23T07:26:02.123456789Z"}`)
	zones := []*time.Location{time.UTC, time.FixedZone("east", 5400)}
	f.Fuzz(func(t *testing.T, text string) {
		var r record.Record
		if r.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		canonical, err := r.AppendJSON(nil)
		require.NoError(t, err)
		for _, zone := range zones {
			for _, name := range report.ColumnNames() {
				whole, err := query.LineOf(&r)
				require.NoError(t, err)
				line := appendLine(t, name, zone, &whole)
				scanned := line // of a line that a scanner made
				if l, ok := new(query.LineScanner).Scan(string(canonical)); ok {
					scanned = appendLine(t, name, zone, &l)
				}
				assert.Equal(t, line, scanned, name)
				columns, err := report.Columns(name)
				require.NoError(t, err)
				want := string(report.AppendCell(nil, columns[0].Text(&r, zone))) + "\r\n"
				assert.Equal(t, want, line, name)
			}
		}
	})
}

func appendLine(t *testing.T, column string, zone *time.Location, l *query.Line) string {
	t.Helper()
	columns, err := report.Columns(column)
	require.NoError(t, err)
	line, err := report.NewCSV(columns, zone).Append(nil, l)
	require.NoError(t, err)
	return string(line)
}

func BenchmarkCSV(b *testing.B) {
	var scanner query.LineScanner
	line, ok := scanner.Scan(`{"action":"invoice.update","actor":{"auth_method":"oauth2","id":"user-4711","name":"Ada Lovelace","roles":["editor","support"],"session_id":"9f86d081884c7d65","type":"user"},"changes":[{"field":"title","new":"Final 4711","old":"Draft 4711"},{"field":"price","new":2100,"old":1200}],"channel":"api","id":"0199c1f2-0000-7000-8000-000000000003","kind":"intent","metadata":{"client.address":"203.0.113.9","http.request.method":"PATCH","http.response.status_code":200,"http.route":"/api/v1/invoices/:id"},"observed_time":"2026-11-20T14:30:00.000000000Z","operation":"update","outcome":"success","resource":{"deployment.environment.name":"production","service.name":"shop","service.version":"1.42.0"},"span_id":"00f067aa0ba902b7","target":{"id":"100123","name":"Spring collection","type":"invoice"},"tenant":"tenant-4","time":"2026-11-20T14:30:00.000000000Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","tracker":{"name":"example.com/shop/articles","version":"1.2.0"}}`)
	require.True(b, ok)
	columns, err := report.Columns()
	require.NoError(b, err)
	appendLine := report.NewCSV(columns, time.UTC).Append
	var buffer []byte
	b.SetBytes(int64(len(line.JSON)))
	for b.Loop() {
		if buffer, err = appendLine(buffer[:0], &line); err != nil {
			b.Fatal(err)
		}
	}
}
