package auditchi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
)

// BenchmarkMiddleware measures a request without an event.
func BenchmarkMiddleware(b *testing.B) {
	tracker := audittest.NewRecorder(b).Tracker("test")
	actor := auditchi.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User("42"), nil })
	for _, bb := range []struct {
		name       string
		middleware chi.Middlewares
	}{
		{"none", nil},
		{"scope", chi.Middlewares{auditchi.Middleware(actor)}},
		{"scope and denials", chi.Middlewares{auditchi.Middleware(actor, auditchi.WithDenials(tracker))}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			router := chi.NewRouter()
			router.Use(bb.middleware...)
			router.Get("/articles/{id}", answer(http.StatusNoContent))
			r := httptest.NewRequest(http.MethodGet, "/articles/1001", nil)
			r.Header.Set("User-Agent", "bench/1.0")
			r.Header.Set("X-Request-Id", "0123456789")
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				router.ServeHTTP(w, r)
			}
		})
	}
}
