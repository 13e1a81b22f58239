package everywhere_test

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/semconv"
)

// code is one of the ways in code_test.go.
type code func(context.Context, *task) error

// update is what the routes with an intent state.
var update = audit.Event{Action: "article.update", Operation: audit.OperationUpdate}

// site is the application on net/http. Its admin panel is a second middleware inside of
// the first.
func (w *world) site() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /api/articles/{id}", w.handler(w.byHand))
	mux.Handle("POST /route/articles/{id}", audithttp.Intent(w.tracker, update, w.handler(w.byRoute)))
	mux.Handle("POST /repository/articles/{id}", w.handler(w.byRepository))
	mux.Handle("POST /bulk/articles/{id}", w.handler(w.inBulk))
	mux.Handle("POST /statement/articles/{id}", w.handler(w.byStatement))
	mux.Handle("POST /later/articles/{id}", w.handler(w.later))
	mux.Handle("POST /job/articles/{id}", w.handler(w.byJob))
	mux.Handle("POST /admin/articles/{id}", audithttp.Middleware(append(w.httpOptions(semconv.ChannelAdmin),
		audithttp.WithActor(root), audithttp.WithOnBehalfOf(owner))...)(w.handler(w.byAdmin)))
	return audithttp.Middleware(append(w.httpOptions(semconv.ChannelAPI), audithttp.WithActor(signedIn))...)(mux)
}

// echoSite is the same on Echo, where the admin panel is a group.
func (w *world) echoSite() http.Handler {
	e := echo.New()
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: func(_ echo.Context, err error, _ []byte) error { return err }}))
	e.Use(auditecho.Middleware(append(w.echoOptions(semconv.ChannelAPI),
		auditecho.WithActor(func(c echo.Context) (audit.Actor, error) { return signedIn(c.Request()) }))...))
	e.POST("/api/articles/:id", w.echoHandler(w.byHand))
	e.POST("/route/articles/:id", w.echoHandler(w.byRoute), auditecho.Intent(w.tracker, update))
	admin := e.Group("/admin", auditecho.Middleware(append(w.echoOptions(semconv.ChannelAdmin),
		auditecho.WithActor(func(c echo.Context) (audit.Actor, error) { return root(c.Request()) }),
		auditecho.WithOnBehalfOf(func(c echo.Context, a audit.Actor) (audit.Actor, error) { return owner(c.Request(), a) }))...))
	admin.POST("/articles/:id", w.echoHandler(w.byAdmin))
	return e
}

// httpOptions are the options of every middleware on net/http.
func (w *world) httpOptions(channel string) []audithttp.Option {
	return []audithttp.Option{
		audithttp.WithChannel(channel), audithttp.WithDenials(w.tracker), audithttp.WithCoverage(w.tracker, nil),
		audithttp.WithErrorHandler(w.fail),
	}
}

// echoOptions are the same for Echo.
func (w *world) echoOptions(channel string) []auditecho.Option {
	return []auditecho.Option{
		auditecho.WithChannel(channel), auditecho.WithDenials(w.tracker), auditecho.WithCoverage(w.tracker, nil),
		auditecho.WithErrorHandler(w.fail),
	}
}

func signedIn(r *http.Request) (audit.Actor, error) { return audit.User(r.Header.Get("User")), nil }

func root(r *http.Request) (audit.Actor, error) {
	return audit.User("root-of-" + r.Header.Get("User")), nil
}

func owner(r *http.Request, _ audit.Actor) (audit.Actor, error) {
	return audit.User(r.Header.Get("View-As")), nil
}

func (w *world) byAdmin(ctx context.Context, k *task) error {
	k.reason = "spam"
	return w.byHand(ctx, k)
}

func (w *world) handler(do code) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		k := w.get(r.PathValue("id"))
		k.gone = r.Context().Done()
		if k.deed == refused {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		rw.WriteHeader(statusOf(do(k.within(r.Context()), k)))
	}
}

func (w *world) echoHandler(do code) echo.HandlerFunc {
	return func(c echo.Context) error {
		k, r := w.get(c.Param("id")), c.Request()
		k.gone = r.Context().Done()
		if k.deed == refused {
			return echo.ErrForbidden
		}
		if err := do(k.within(r.Context()), k); err != nil {
			return echo.NewHTTPError(statusOf(err))
		}
		return c.NoContent(http.StatusNoContent)
	}
}
