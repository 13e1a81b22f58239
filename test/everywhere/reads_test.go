package everywhere_test

import (
	"context"
	"io/fs"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/unit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readIntent is the intent of the routes that have one.
var readIntent = audit.Event{Action: "article.view", Operation: audit.OperationRead}

// readers are the ways to read, by the first word of the route. Each returns what a handler
// would.
func (w *world) readers(t *testing.T) map[string]func(ctx context.Context, id string) error {
	t.Helper()
	reads, err := auditrepo.New(w.tracker, auditrepo.Config[article, string]{
		TargetType: "article", ID: func(a article) string { return a.ID }, Reads: &auditrepo.Reads{},
	})
	require.NoError(t, err)
	get := reads.Reader(getter(func(id string) (article, error) {
		if id == "secret" {
			return article{}, fs.ErrPermission
		}
		return article{ID: id}, nil
	}))
	one := func(ctx context.Context, id string) error {
		_, err := get.Get(ctx, id)
		return err
	}
	return map[string]func(context.Context, string) error{
		"one":   one,
		"twice": func(ctx context.Context, id string) error { return firstError(one(ctx, id), one(ctx, id)) },
		"list": func(ctx context.Context, id string) error {
			_, err := reads.List(ctx, func(context.Context) ([]article, error) {
				return []article{{ID: "7"}, {ID: "8"}}, nil
			})
			return firstError(err, one(ctx, id))
		},
		"intent": func(ctx context.Context, id string) error {
			audit.SetTarget(ctx, audit.Target{Type: "article", ID: id})
			return firstError(one(ctx, id), one(ctx, "9"))
		},
		"inner": func(ctx context.Context, id string) error {
			return audit.Run(ctx, func(ctx context.Context) error { return firstError(one(ctx, id), one(ctx, "9")) })
		},
		"unit": func(ctx context.Context, id string) error {
			_ = unit.Run(ctx, w.tracker, audit.Event{}, func(u *unit.Unit) error {
				return firstError(one(u.Start(ctx), id), errDisk) // rolled back, and seen nevertheless
			})
			return nil
		},
		"panic": func(ctx context.Context, id string) error {
			_ = recoverBoom(func() error {
				_ = one(ctx, id)
				panic(errBoom)
			})
			return nil
		},
	}
}

type getter func(id string) (article, error)

func (g getter) Get(_ context.Context, id string) (article, error) { return g(id) }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestReadsEverywhere reads articles in every framework: who saw what is one record of a
// request, unless its intent says it.
func TestReadsEverywhere(t *testing.T) {
	t.Parallel()
	const alice = " by user:alice through api on "
	rules, err := policy.New(policy.Rule{Name: "reads", Methods: []string{http.MethodGet}, RequireEvent: true})
	require.NoError(t, err)
	for name, newApp := range map[string]func(t *testing.T, w *world) http.Handler{
		"net/http": func(t *testing.T, w *world) http.Handler {
			mux := http.NewServeMux()
			for word, read := range w.readers(t) {
				var h http.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					rw.WriteHeader(statusOf(read(r.Context(), r.PathValue("id"))))
				})
				if word == "intent" {
					h = audithttp.Intent(w.tracker, readIntent, h)
				}
				mux.Handle("GET /"+word+"/articles/{id}", h)
			}
			return audithttp.Middleware(append(w.httpOptions(semconv.ChannelAPI), audithttp.WithActor(actorOf), audithttp.WithCoverage(w.tracker, rules))...)(mux)
		},
		"chi": func(t *testing.T, w *world) http.Handler {
			router := chi.NewRouter()
			router.Use(auditchi.Middleware(append(w.httpOptions(semconv.ChannelAPI), auditchi.WithActor(actorOf), auditchi.WithCoverage(w.tracker, rules))...))
			for word, read := range w.readers(t) {
				var r chi.Router = router
				if word == "intent" {
					r = router.With(auditchi.Intent(w.tracker, readIntent))
				}
				r.Get("/"+word+"/articles/{id}", func(rw http.ResponseWriter, r *http.Request) {
					rw.WriteHeader(statusOf(read(r.Context(), chi.URLParam(r, "id"))))
				})
			}
			return router
		},
		"echo": func(t *testing.T, w *world) http.Handler {
			e := echo.New()
			e.Use(auditecho.Middleware(append(w.echoOptions(semconv.ChannelAPI), auditecho.WithCoverage(w.tracker, rules),
				auditecho.WithActor(func(c echo.Context) (audit.Actor, error) { return actorOf(c.Request()) }))...))
			for word, read := range w.readers(t) {
				var intents []echo.MiddlewareFunc
				if word == "intent" {
					intents = append(intents, auditecho.Intent(w.tracker, readIntent))
				}
				e.GET("/"+word+"/articles/:id", func(c echo.Context) error {
					if err := read(c.Request().Context(), c.Param("id")); err != nil {
						return echo.NewHTTPError(statusOf(err))
					}
					return c.NoContent(http.StatusNoContent)
				}, intents...)
			}
			return e
		},
		"gin": func(t *testing.T, w *world) http.Handler {
			e := gin.New()
			e.Use(auditgin.Middleware(append(w.httpOptions(semconv.ChannelAPI), auditgin.WithCoverage(w.tracker, rules),
				auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) { return actorOf(c.Request) }))...))
			for word, read := range w.readers(t) {
				handlers := []gin.HandlerFunc{func(c *gin.Context) {
					c.Status(statusOf(read(c.Request.Context(), c.Param("id"))))
				}}
				if word == "intent" {
					handlers = append([]gin.HandlerFunc{auditgin.Intent(w.tracker, readIntent)}, handlers...)
				}
				e.GET("/"+word+"/articles/:id", handlers...)
			}
			return e
		},
		"job": func(t *testing.T, w *world) http.Handler { // a loop of a job, which the server stands for
			readers := w.readers(t)
			mux := http.NewServeMux()
			mux.HandleFunc("GET /{word}/articles/{id}", func(rw http.ResponseWriter, r *http.Request) {
				err := audit.Run(context.WithoutCancel(r.Context()), func(ctx context.Context) error {
					read := readers[r.PathValue("word")]
					if r.PathValue("word") == "intent" {
						return audit.Do(ctx, w.tracker, readIntent, func(ctx context.Context) error { return read(ctx, r.PathValue("id")) })
					}
					return read(ctx, r.PathValue("id"))
				}, audit.AsActor(audit.User("alice")), audit.WithChannel("api"))
				rw.WriteHeader(statusOf(err))
			})
			return mux
		},
	} {
		for _, tt := range []struct {
			path string
			want []string
		}{
			{"one/articles/1", []string{"signal article.read success" + alice + "article:1"}},
			{"twice/articles/1", []string{"signal article.read success" + alice + "article:1"}},
			{"list/articles/1", []string{"signal article.read success" + alice + "3 of returned [7 8 1]"}},
			{"one/articles/secret", []string{"signal article.read denied" + alice + "article:secret"}},
			{"list/articles/secret", []string{
				"signal article.read success" + alice + "2 of returned [7 8]",
				"signal article.read denied" + alice + "article:secret",
			}},
			{"intent/articles/1", []string{
				"signal article.read success" + alice + "article:9", // read before the intent was recorded
				"intent article.view success" + alice + "article:1",
			}},
			{"inner/articles/1", []string{"signal article.read success" + alice + "2 of returned [1 9]"}},
			{"unit/articles/1", []string{"signal article.read success" + alice + "article:1"}},
			{"panic/articles/1", []string{"signal article.read success" + alice + "article:1"}},
		} {
			t.Run(name+"/"+tt.path, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				server := w.serve(newApp(t, w))
				defer server.Close()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/"+tt.path, http.NoBody)
				require.NoError(t, err)
				r.Header.Set("User", "alice")
				response, err := server.Client().Do(r)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				server.Close()
				var got []string
				for _, r := range w.close(t) {
					if r.Action != semconv.ActionUnitCommit && !r.BeginsAttempt() {
						got = append(got, render(r))
					}
				}
				assert.Equal(t, tt.want, got)
				assert.Empty(t, w.lateErrors)
			})
		}
	}
}
