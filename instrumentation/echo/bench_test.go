package auditecho_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
)

// BenchmarkMiddleware measures a request without an event.
func BenchmarkMiddleware(b *testing.B) {
	tracker, _ := frameworktest.NewTracker(b)
	actor := auditecho.WithActor(func(echo.Context) (audit.Actor, error) { return audit.User("42"), nil })
	channel := auditecho.WithChannel("api")
	denials := auditecho.WithDenials(tracker)
	for _, bb := range []struct {
		name       string
		middleware []echo.MiddlewareFunc
	}{
		{"none", nil},
		{"scope", []echo.MiddlewareFunc{auditecho.Middleware(actor, channel)}},
		{"scope and denials", []echo.MiddlewareFunc{auditecho.Middleware(actor, channel, denials)}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			e := echo.New()
			e.Use(bb.middleware...)
			e.GET("/articles/:id", answer(http.StatusNoContent))
			r := httptest.NewRequest(http.MethodGet, "/articles/1001", nil)
			r.Header.Set("User-Agent", "bench/1.0")
			r.Header.Set("X-Request-Id", "0123456789")
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				e.ServeHTTP(w, r)
			}
		})
	}
}
