package auditchi_test

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type mw = func(http.Handler) http.Handler

// TestRoutes checks the route and the path of an event that the handler tracks, and so of
// one that comes before chi has told anybody the route.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		service func(audit mw, track http.HandlerFunc) http.Handler
		method  string // POST if empty
		path    string
		want    [2]string
	}{
		{"three routers", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(ours)
			r.Route("/api", func(r chi.Router) {
				r.Route("/users/{id}", func(r chi.Router) { r.Post("/reset/{token}", track) })
			})
			return r
		}, "", "/api/users/7/reset/hunter2", [2]string{"/api/users/{id}/reset/{token}", "/api/users/7/reset/***REDACTED***"}},
		{"a middleware in the second of three routers", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Route("/api", func(r chi.Router) {
				r.Use(ours)
				r.Route("/users/{id}", func(r chi.Router) { r.Post("/reset/{token}", track) })
			})
			return r
		}, "", "/api/users/7/reset/hunter2", [2]string{"/api/users/{id}/reset/{token}", "/api/users/7/reset/***REDACTED***"}},
		{"the root of a mounted router", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(ours)
			r.Route("/reset/{token}", func(r chi.Router) { r.Post("/", track) })
			return r
		}, "", "/reset/hunter2", [2]string{"/reset/{token}", "/reset/***REDACTED***"}},
		{"an inline group", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Group(func(r chi.Router) {
				r.Use(ours)
				r.Post("/reset/{token}", track)
			})
			return r
		}, "", "/reset/hunter2", [2]string{"/reset/{token}", "/reset/***REDACTED***"}},
		{"a pattern with expressions", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(ours)
			r.Post("/reset/{id:[0-9]+}-{token}.html", track)
			return r
		}, "", "/reset/7-hunter2.html", [2]string{"/reset/{id:[0-9]+}-{token}.html", "/reset/***REDACTED***"}},
		{"an escaped slash", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(ours)
			r.Post("/reset/{token}/{name}", track)
			return r
		}, "", "/reset/hunter2%2Fagain/a%2Fb", [2]string{"/reset/{token}/{name}", "/reset/***REDACTED***/a%2Fb"}},
		{"a rest", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(ours)
			r.Route("/shares", func(r chi.Router) { r.Post("/{secret}/*", track) })
			return r
		}, "", "/shares/hunter2/a/b", [2]string{"/shares/{secret}/*", "/shares/***REDACTED***/a/b"}},
		// A path that does not align with its route is masked as a whole.
		{"slashes stripped before", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(middleware.StripSlashes, ours)
			r.Post("/reset/{token}", track)
			return r
		}, "", "/reset/hunter2/", [2]string{"/reset/{token}", "/***REDACTED***"}},
		{"slashes stripped before a mounted router", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(middleware.StripSlashes)
			r.Route("/reset", func(r chi.Router) {
				r.Use(ours)
				r.Post("/{token}", track)
			})
			return r
		}, "", "/reset/hunter2/", [2]string{"/reset/{token}", "/***REDACTED***"}},
		{"HEAD for GET", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(middleware.GetHead, ours)
			r.Get("/reset/{token}", track)
			return r
		}, http.MethodHead, "/reset/hunter2", [2]string{"/reset/{token}", "/reset/***REDACTED***"}},
		{"a ServeMux in the router", func(ours mw, track http.HandlerFunc) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/legacy/{id}", track)
			r := chi.NewRouter()
			r.Use(ours)
			r.Mount("/legacy", mux)
			return r
		}, "", "/legacy/1", [2]string{"/legacy/*", "/legacy/1"}},
		{"the router in a ServeMux", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(ours)
			r.Post("/reset/{token}", track)
			mux := http.NewServeMux()
			mux.Handle("/api/", http.StripPrefix("/api", r))
			return mux
		}, "", "/api/reset/hunter2", [2]string{"/reset/{token}", "/reset/***REDACTED***"}},
		{"around the router", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Route("/reset", func(r chi.Router) { r.Post("/{token}", track) })
			return ours(r)
		}, "", "/reset/hunter2", [2]string{"/reset/{token}", "/reset/***REDACTED***"}},
		{"not found in a mounted router", func(ours mw, track http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(ours)
			r.NotFound(track)
			r.Route("/api", func(r chi.Router) { r.Post("/{id}", answer(200)) })
			return r
		}, "", "/api/1/2", [2]string{"", "/api/1/2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			recorder := audittest.NewRecorder(t)
			tracker := recorder.Tracker("test")
			s := frameworktest.Serve(t, tt.service(auditchi.Middleware(auditchi.WithActor(byUser)), func(w http.ResponseWriter, r *http.Request) {
				assert.NoError(t, tracker.Track(r.Context(), publish))
			}))
			method := tt.method
			if method == "" {
				method = http.MethodPost
			}
			do(t, s, method, tt.path, "User", "alice")
			records := recorder.Records()
			require.Len(t, records, 1)
			require.Equal(t, tt.want, place(records[0]))
		})
	}
}

// TestRouteLearned checks that the record has the route that chi found, although a
// middleware after ours changed the path or the request.
func TestRouteLearned(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	r := chi.NewRouter()
	r.Use(
		auditchi.Middleware(auditchi.WithActor(byUser), auditchi.WithDenials(tracker)),
		middleware.RequestID, // copies the request
		middleware.StripSlashes,
	)
	r.Route("/reset", func(r chi.Router) { r.Post("/{token}", answer(http.StatusForbidden)) })
	require.Equal(t, http.StatusForbidden, do(t, frameworktest.Serve(t, r), http.MethodPost, "/reset/hunter2/", "User", "alice"))
	records := recorder.Records()
	require.Len(t, records, 1)
	require.Equal(t, audit.Target{Type: "route", ID: "/reset/{token}"}, records[0].Target)
	require.Equal(t, [2]string{"/reset/{token}", "/***REDACTED***"}, place(records[0]))
}

// TestRecoverer checks that the record of a panic has the status that middleware.Recoverer
// sends inside the middleware, and none if that is outside.
func TestRecoverer(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]string{"inside": "500", "outside": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := audittest.NewRecorder(t)
			quiet := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() {
						if recover() != nil {
							w.WriteHeader(http.StatusInternalServerError)
						}
					}()
					next.ServeHTTP(w, r)
				})
			}
			r := chi.NewRouter()
			middlewares := []mw{auditchi.Middleware(auditchi.WithActor(byUser)), quiet}
			if name == "outside" {
				middlewares[0], middlewares[1] = middlewares[1], middlewares[0]
			}
			r.Use(middlewares...)
			r.With(auditchi.Intent(recorder.Tracker("test"), publish)).Post("/a", func(http.ResponseWriter, *http.Request) { panic("no") })
			require.Equal(t, http.StatusInternalServerError, do(t, frameworktest.Serve(t, r), http.MethodPost, "/a", "User", "alice"))
			records := recorder.Records()
			require.Len(t, records, 1)
			assert.Equal(t, audit.OutcomeFailure, records[0].Outcome)
			assert.Equal(t, status, metadata(records[0], "http.response.status_code"))
		})
	}
}

func TestKnownRoutes(t *testing.T) {
	t.Parallel()
	none := func(http.ResponseWriter, *http.Request) {}
	articles := chi.NewRouter()
	articles.Put("/{slug}", none)
	r := chi.NewRouter()
	r.Get("/", none)
	r.Mount("/articles", articles)
	r.Route("/users/{name}", func(r chi.Router) { r.With(auditchi.Middleware()).Delete("/", none) })
	assert.ElementsMatch(t, []request.Route{
		{Method: "GET", Pattern: "/"}, {Method: "PUT", Pattern: "/articles/{slug}"}, {Method: "DELETE", Pattern: "/users/{name}"},
	}, auditchi.Routes(r))
}
