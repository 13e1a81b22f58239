package render_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/render"
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
		for _, zone := range zones {
			for _, name := range render.ColumnNames() {
				var out bytes.Buffer
				p, err := render.New(&out, render.Options{Format: render.CSV, Columns: []string{name}, Zone: zone})
				require.NoError(t, err)
				require.NoError(t, p.Print(&r))
				require.NoError(t, p.Close())
				_, line, _ := strings.Cut(out.String(), "\r\n")
				want := string(render.AppendCell(nil, render.ColumnText(name, &r, zone))) + "\r\n"
				assert.Equal(t, want, line, name)
			}
		}
	})
}

func BenchmarkCSV(b *testing.B) {
	var r record.Record
	require.NoError(b, r.UnmarshalJSON([]byte(`{"action":"invoice.update","actor":{"id":"42","type":"user"},"changes":[{"field":"amount","new":2100,"old":1200}],"channel":"api","id":"0199c1f2-0000-7000-8000-000000000003","kind":"intent","metadata":{"client.address":"10.0.0.9","http.request.method":"PATCH","http.response.status_code":200,"http.route":"/invoices/:id","user_agent.original":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},"operation":"update","outcome":"success","reason":"the supplier corrected the price","target":{"id":"1001","name":"Chairs","type":"invoice"},"tenant":"acme","time":"2026-11-20T14:30:00.000000000Z"}`)))
	p, err := render.New(discard{}, render.Options{Format: render.CSV, Zone: time.UTC})
	require.NoError(b, err)
	for b.Loop() {
		_ = p.Print(&r)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
