package audithttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
)

// discard is a ResponseWriter that discards the response.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkMiddleware measures a request without an event.
func BenchmarkMiddleware(b *testing.B) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux := http.NewServeMux()
	mux.Handle("GET /articles/{id}", ok)
	actor := audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User("42"), nil })
	channel := audithttp.WithChannel("api")
	tracker, _ := newTracker(b)
	denials := audithttp.WithDenials(tracker)

	for _, bb := range []struct {
		name    string
		handler http.Handler
	}{
		{"none", ok},
		{"scope", audithttp.Middleware(actor, channel)(ok)},
		{"scope and denials", audithttp.Middleware(actor, channel, denials)(ok)},
		{"mux", mux},
		{"scope and mux", audithttp.Middleware(actor, channel)(mux)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/articles/1001", nil)
			r.Header.Set("User-Agent", "bench/1.0")
			r.Header.Set("X-Request-Id", "0123456789")
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				bb.handler.ServeHTTP(w, r)
			}
		})
	}
}
