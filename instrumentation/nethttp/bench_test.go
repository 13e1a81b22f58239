package audithttp_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
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

// nowhere is an exporter that drops the records.
type nowhere struct{}

func (nowhere) Name() string                                   { return "nowhere" }
func (nowhere) Export(context.Context, []*record.Record) error { return nil }
func (nowhere) Shutdown(context.Context) error                 { return nil }

// BenchmarkIntent measures a request of a route intent whose answer is withheld or not, by
// one client and by many at once.
func BenchmarkIntent(b *testing.B) {
	body := bytes.Repeat([]byte("a"), 1000)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	deliveries := map[string]func(b *testing.B) sdk.Option{
		"ledger":  func(b *testing.B) sdk.Option { return sdk.WithLedger(b.TempDir()) },
		"batcher": func(*testing.B) sdk.Option { return sdk.WithBatcher(nowhere{}) },
	}
	options := map[string][]audithttp.IntentOption{"plain": nil, "withheld": {audithttp.WithheldAnswer()}}
	for _, delivery := range []string{"batcher", "ledger"} {
		for _, answer := range []string{"plain", "withheld"} {
			run := func(b *testing.B, loop func(b *testing.B, serve func())) {
				provider, err := sdk.NewTrackerProvider(deliveries[delivery](b))
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = provider.Shutdown(context.Background()) }()
				intent := audithttp.Intent(provider.Tracker("bench"), payout, handler, options[answer]...)
				h := audithttp.Middleware(audithttp.WithErrorHandler(func(_ context.Context, err error) { b.Error(err) }))(intent)
				b.ReportAllocs()
				loop(b, func() {
					h.ServeHTTP(&discard{header: http.Header{}}, httptest.NewRequest(http.MethodPost, "/payouts", nil))
				})
			}
			b.Run(delivery+"/"+answer+"/one", func(b *testing.B) {
				run(b, func(b *testing.B, serve func()) {
					for b.Loop() {
						serve()
					}
				})
			})
			b.Run(delivery+"/"+answer+"/64", func(b *testing.B) {
				run(b, func(b *testing.B, serve func()) {
					b.SetParallelism(64 / runtime.GOMAXPROCS(0))
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							serve()
						}
					})
				})
			})
		}
	}
}

// updates returns functions that serve a request which records an update with its changes, in
// two ways: the handler tracks it, or its route has the intent and the handler adds the
// changes.
func updates(tb testing.TB) (tracked, intent func()) {
	tb.Helper()
	type article struct {
		Title string `audit:"title"`
		Body  string `audit:"body,sensitive"`
	}
	before, after := article{"Draft", "one"}, article{"Hello", "two"}
	provider, err := sdk.NewTrackerProvider(sdk.WithBatcher(nowhere{}))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	tracker := provider.Tracker("bench")
	actor := audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User("42"), nil })
	serve := func(route http.Handler) func() {
		mux := http.NewServeMux()
		mux.Handle("PUT /articles/{slug}", route)
		h := audithttp.Middleware(actor)(mux)
		r := httptest.NewRequest(http.MethodPut, "/articles/hello", nil)
		w := &discard{header: http.Header{}}
		return func() { h.ServeHTTP(w, r) }
	}
	inHandler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := audit.Target{Type: "article", ID: r.PathValue("slug")}
		if err := audit.TrackUpdate(r.Context(), tracker, audit.Event{Target: target}, before, after); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	completed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		audit.SetChanges(r.Context(), before, after)
		w.WriteHeader(http.StatusNoContent)
	})
	update := audit.Event{Action: "article.update", Operation: audit.OperationUpdate}
	return serve(inHandler), serve(audithttp.Intent(tracker, update, completed, audithttp.TargetParam("article", "slug")))
}

// BenchmarkUpdate measures a request that records an update with its changes, in two ways.
func BenchmarkUpdate(b *testing.B) {
	tracked, intent := updates(b)
	for _, bb := range []struct {
		name  string
		serve func()
	}{{"TrackUpdate", tracked}, {"intent", intent}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.serve()
			}
		})
	}
}

// The normal way must not cost more than the one by hand.
func TestIntentAllocatesNoMoreThanTrackUpdate(t *testing.T) { // not parallel: it counts allocations
	tracked, intent := updates(t)
	// The runtime allocates now and then, e.g. for a goroutine's stack.
	const noise = 1
	if of, limit := testing.AllocsPerRun(2000, intent), testing.AllocsPerRun(2000, tracked)+noise; of > limit {
		t.Errorf("a route intent allocates %v times, and TrackUpdate in a handler %v times at most", of, limit)
	}
}
