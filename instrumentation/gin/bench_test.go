package auditgin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
)

// BenchmarkMiddleware measures a request without an event.
func BenchmarkMiddleware(b *testing.B) {
	tracker := audittest.NewRecorder(b).Tracker("test")
	actor := auditgin.WithActor(func(*gin.Context) (audit.Actor, error) { return audit.User("42"), nil })
	for _, bb := range []struct {
		name       string
		middleware gin.HandlersChain
	}{
		{"none", nil},
		{"scope", gin.HandlersChain{auditgin.Middleware(actor)}},
		{"scope and denials", gin.HandlersChain{auditgin.Middleware(actor, auditgin.WithDenials(tracker))}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			e := gin.New()
			e.Use(bb.middleware...)
			e.GET("/articles/:id", func(c *gin.Context) { c.Status(http.StatusNoContent) })
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
