package bench

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"go.opentelemetry.io/contrib/instrumentation/github.com/labstack/echo/otelecho"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// BenchmarkHTTP measures a request through the net/http middleware that tracks no event.
func BenchmarkHTTP(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, impl := range []struct {
		name    string
		handler http.Handler
	}{
		{"audit", audithttp.Middleware(audithttp.WithChannel("api"))(handler)},
		{"otelhttp", otelhttp.NewHandler(handler, "request", otelhttp.WithTracerProvider(tracerProvider()))},
	} {
		b.Run("impl="+impl.name, func(b *testing.B) { serve(b, impl.handler) })
	}
}

// BenchmarkEcho measures a request through the Echo middleware that tracks no event.
func BenchmarkEcho(b *testing.B) {
	for _, impl := range []struct {
		name       string
		middleware echo.MiddlewareFunc
	}{
		{"audit", auditecho.Middleware(auditecho.WithChannel("api"))},
		{"otelecho", otelecho.Middleware("shop", otelecho.WithTracerProvider(tracerProvider()))},
		{"none", func(next echo.HandlerFunc) echo.HandlerFunc { return next }},
	} {
		e := echo.New()
		e.Use(impl.middleware)
		e.PATCH("/articles/:id", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		b.Run("impl="+impl.name, func(b *testing.B) { serve(b, e) })
	}
}

// tracerProvider returns a provider that samples every request and exports no spans.
func tracerProvider() *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()))
}

func serve(b *testing.B, h http.Handler) {
	b.Helper()
	r := httptest.NewRequest(http.MethodPatch, "/articles/1001?draft=1", http.NoBody)
	r.RemoteAddr = "203.0.113.7:51234"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
	r.Header.Set("X-Request-Id", "0199c1f2-aaaa-7bbb-8ccc-000000000001")
	w := &discardResponse{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// discardResponse is a ResponseWriter that keeps nothing, unlike httptest.ResponseRecorder.
type discardResponse struct{ header http.Header }

func (w *discardResponse) Header() http.Header         { return w.header }
func (w *discardResponse) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardResponse) WriteHeader(int)             {}
