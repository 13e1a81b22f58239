package notarget

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/opendeed/audit"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
	"github.com/opendeed/audit/test/auditvet/testdata/service"
)

func loadArticle(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service.Rename(r.Context(), chi.URLParam(r, "id"))
		next.ServeHTTP(w, r)
	})
}

func chiRoutes(r chi.Router, tracker audit.Tracker, s *server) {
	r.With(auditchi.Intent(tracker, audit.Event{Action: "article.update"})).Put("/1/{id}", s.forgets)     // want `the route intent has no target`
	r.With(auditchi.Intent(tracker, audit.Event{})).Method("PUT", "/2/{id}", http.HandlerFunc(s.forgets)) // want `the route intent has no target`

	r.With(auditchi.Intent(tracker, audit.Event{})).Put("/a/{id}", s.sets)
	r.With(auditchi.Intent(tracker, audit.Event{}), loadArticle).Put("/b/{id}", s.forgets)
	r.With(auditchi.Intent(tracker, audit.Event{}, auditchi.TargetParam("article", "id"))).Put("/c/{id}", s.forgets)
	r.With(auditchi.Intent(tracker, audit.Event{})).Group(func(r chi.Router) { r.Put("/d/{id}", s.sets) })
	r.Use(auditchi.Intent(tracker, audit.Event{}))
}
