package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/require"
)

// viewed are the pages that people open, and how often, in a hundred clicks.
var viewed = []viewedPage{
	{"first", 25, func(*record.Record) string { return "/" }},
	{"denied", 9, func(*record.Record) string { return "/?outcome=denied" }},
	{"text", 8, func(r *record.Record) string {
		return "/?" + url.Values{"text": {r.Changes[0].New.AsString()}}.Encode()
	}},
	{"record", 25, func(r *record.Record) string { return "/record?id=" + r.ID.String() }},
	{"object", 12, func(r *record.Record) string {
		return "/object?" + url.Values{"type": {r.Target.Type}, "id": {r.Target.ID}, "tenant": {r.Tenant}}.Encode()
	}},
	{"actor", 12, func(r *record.Record) string { return "/actor?" + url.Values{"actor": {"user/" + r.Actor.ID}}.Encode() }},
	{"security", 5, func(*record.Record) string { return "/security" }},
	{"health", 2, func(*record.Record) string { return "/health" }},
	{"export", 2, func(r *record.Record) string {
		return "/export?" + url.Values{"format": {"csv"}, "actor": {"user/" + r.Actor.ID}}.Encode()
	}},
}

type viewedPage struct {
	name    string
	clicks  int
	address func(sample *record.Record) string
}

func newViewer(b *testing.B, dir string) http.Handler {
	b.Helper()
	handler, err := viewerOf(dir)
	require.NoError(b, err)
	return handler
}

func viewerOf(dir string) (http.Handler, error) {
	reader, err := ledgerquery.NewReader(dir)
	if err != nil {
		return nil, err
	}
	end := generatedSince.Add(generatedSpan)
	return viewer.New(reader, viewer.WithoutRecording(), viewer.WithSearchLimit(1<<30), viewer.WithClock(func() time.Time { return end }),
		viewer.WithHealth(func(context.Context) (viewer.Health, error) { return viewer.Health{Records: 1}, nil }),
		viewer.Authorize(func(r *http.Request) (audit.Actor, viewer.View, error) {
			return audit.User("auditor" + r.Header.Get(personHeader)), viewer.View{All: true}, nil
		}))
}

// personHeader says who looks.
const personHeader = "Person"

// view opens a page for a person and returns how long it took.
func view(b *testing.B, handler http.Handler, person int, address string) time.Duration {
	b.Helper()
	answer, took := request(b, handler, person, address)
	require.Equal(b, http.StatusOK, answer.Code, "%s: %s", address, answer.Body)
	return took
}

// request is view, for an answer that may say that there is too much to do.
func request(b *testing.B, handler http.Handler, person int, address string) (*httptest.ResponseRecorder, time.Duration) {
	b.Helper()
	req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
	req.Header.Set(personHeader, strconv.Itoa(person))
	answer, start := httptest.NewRecorder(), time.Now()
	handler.ServeHTTP(answer, req)
	return answer, time.Since(start)
}

// reportP95 reports the 95th percentile.
func reportP95(b *testing.B, times []time.Duration) {
	b.Helper()
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)*95/100])/1e6, "p95-ms")
}

// viewedSamples returns records that every page can be about.
func viewedSamples(n int) []*record.Record {
	return slices.DeleteFunc(sampleRecords(n), func(r *record.Record) bool { return len(r.Changes) == 0 })
}

// BenchmarkViewer opens the pages of a ledger with AUDIT_BENCH_RECORDS records, one after the
// other.
func BenchmarkViewer(b *testing.B) {
	n := recordCount(b)
	dir, samples := generatedLedger(b, n), viewedSamples(n)
	for _, p := range viewed {
		b.Run("page="+p.name, func(b *testing.B) {
			handler := newViewer(b, dir)
			view(b, handler, 0, p.address(samples[0]))
			var times []time.Duration
			before := processorTime(b)
			for b.Loop() {
				times = append(times, view(b, handler, 0, p.address(samples[len(times)%len(samples)])))
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			reportP95(b, times)
		})
	}
}
