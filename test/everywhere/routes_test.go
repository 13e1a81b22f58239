package everywhere_test

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	echo5 "github.com/labstack/echo/v5"
	middleware5 "github.com/labstack/echo/v5/middleware"
	"github.com/opendeed/audit"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	auditecho5 "github.com/opendeed/audit/instrumentation/echov5"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/semconv"
)

// updateFunc is the type of the functions in updates_test.go.
type updateFunc func(context.Context, *task) error

// routeIntent is the intent of the routes that have one.
var routeIntent = audit.Event{Action: "article.update", Operation: audit.OperationUpdate}

// newMux returns the application on net/http. Its admin panel has a second middleware inside
// the first.
func (w *world) newMux() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /api/articles/{id}", w.httpHandler(w.updateWithIntent))
	mux.Handle("POST /route/articles/{id}", audithttp.Intent(w.tracker, routeIntent, w.httpHandler(w.updateOnIntentRoute)))
	mux.Handle("POST /repository/articles/{id}", w.httpHandler(w.updateByRepository))
	mux.Handle("POST /transaction/articles/{id}", w.httpHandler(w.updateInTransaction))
	mux.Handle("POST /bulk/articles/{id}", w.httpHandler(w.updateInBulk))
	mux.Handle("POST /statement/articles/{id}", w.httpHandler(w.updateByStatement))
	mux.Handle("POST /later/articles/{id}", w.httpHandler(w.updateDetached))
	mux.Handle("POST /job/articles/{id}", w.httpHandler(w.updateByJob))
	mux.Handle("POST /admin/articles/{id}", audithttp.Middleware(append(w.httpOptions(semconv.ChannelAdmin),
		audithttp.WithActor(adminOf), audithttp.WithOnBehalfOf(ownerOf))...)(w.httpHandler(w.updateAsAdmin)))
	return audithttp.Middleware(append(w.httpOptions(semconv.ChannelAPI), audithttp.WithActor(actorOf))...)(mux)
}

// newChi returns the application on chi. Its admin panel is a mounted router.
func (w *world) newChi() http.Handler {
	r := chi.NewRouter()
	r.Use(auditchi.Middleware(append(w.httpOptions(semconv.ChannelAPI), auditchi.WithActor(actorOf))...))
	r.Post("/api/articles/{id}", w.httpHandler(w.updateWithIntent))
	r.With(auditchi.Intent(w.tracker, routeIntent)).Post("/route/articles/{id}", w.httpHandler(w.updateOnIntentRoute))
	r.Route("/admin", func(r chi.Router) {
		r.Use(auditchi.Middleware(append(w.httpOptions(semconv.ChannelAdmin),
			auditchi.WithActor(adminOf), auditchi.WithOnBehalfOf(ownerOf))...))
		r.Post("/articles/{id}", w.httpHandler(w.updateAsAdmin))
	})
	return r
}

// newEcho returns the application on Echo. Its admin panel is a group.
func (w *world) newEcho() http.Handler {
	e := echo.New()
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: func(_ echo.Context, err error, _ []byte) error { return err }}))
	e.Use(auditecho.Middleware(append(w.echoOptions(semconv.ChannelAPI),
		auditecho.WithActor(func(c echo.Context) (audit.Actor, error) { return actorOf(c.Request()) }))...))
	e.POST("/api/articles/:id", w.echoHandler(w.updateWithIntent))
	e.POST("/route/articles/:id", w.echoHandler(w.updateOnIntentRoute), auditecho.Intent(w.tracker, routeIntent))
	admin := e.Group("/admin", auditecho.Middleware(append(w.echoOptions(semconv.ChannelAdmin),
		auditecho.WithActor(func(c echo.Context) (audit.Actor, error) { return adminOf(c.Request()) }),
		auditecho.WithOnBehalfOf(func(c echo.Context, a audit.Actor) (audit.Actor, error) { return ownerOf(c.Request(), a) }))...))
	admin.POST("/articles/:id", w.echoHandler(w.updateAsAdmin))
	return e
}

// newEcho5 returns the application on Echo v5. Its admin panel is a group.
func (w *world) newEcho5() http.Handler {
	e := echo5.New()
	e.Use(middleware5.Recover())
	e.Use(auditecho5.Middleware(append(w.httpOptions(semconv.ChannelAPI),
		auditecho5.WithActor(func(c *echo5.Context) (audit.Actor, error) { return actorOf(c.Request()) }))...))
	e.POST("/api/articles/:id", w.echo5Handler(w.updateWithIntent))
	e.POST("/route/articles/:id", w.echo5Handler(w.updateOnIntentRoute), auditecho5.Intent(w.tracker, routeIntent))
	admin := e.Group("/admin", auditecho5.Middleware(append(w.httpOptions(semconv.ChannelAdmin),
		auditecho5.WithActor(func(c *echo5.Context) (audit.Actor, error) { return adminOf(c.Request()) }),
		auditecho5.WithOnBehalfOf(func(c *echo5.Context, a audit.Actor) (audit.Actor, error) { return ownerOf(c.Request(), a) }))...))
	admin.POST("/articles/:id", w.echo5Handler(w.updateAsAdmin))
	return e
}

// newGin returns the application on gin. Its admin panel is a group.
func (w *world) newGin() http.Handler {
	e := gin.New()
	e.Use(gin.RecoveryWithWriter(discard{}))
	e.Use(auditgin.Middleware(append(w.httpOptions(semconv.ChannelAPI),
		auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) { return actorOf(c.Request) }))...))
	e.POST("/api/articles/:id", w.ginHandler(w.updateWithIntent))
	e.POST("/route/articles/:id", auditgin.Intent(w.tracker, routeIntent), w.ginHandler(w.updateOnIntentRoute))
	admin := e.Group("/admin", auditgin.Middleware(append(w.httpOptions(semconv.ChannelAdmin),
		auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) { return adminOf(c.Request) }),
		auditgin.WithOnBehalfOf(func(c *gin.Context, a audit.Actor) (audit.Actor, error) { return ownerOf(c.Request, a) }))...))
	admin.POST("/articles/:id", w.ginHandler(w.updateAsAdmin))
	return e
}

// httpOptions returns the options of every middleware on net/http, chi, Echo v5 and gin.
func (w *world) httpOptions(channel string) []audithttp.Option {
	return []audithttp.Option{
		audithttp.WithChannel(channel), audithttp.WithDenials(w.tracker), audithttp.WithCoverage(w.tracker, nil),
		audithttp.WithErrorHandler(w.addLateError),
	}
}

// echoOptions returns the same options for Echo.
func (w *world) echoOptions(channel string) []auditecho.Option {
	return []auditecho.Option{
		auditecho.WithChannel(channel), auditecho.WithDenials(w.tracker), auditecho.WithCoverage(w.tracker, nil),
		auditecho.WithErrorHandler(w.addLateError),
	}
}

func actorOf(r *http.Request) (audit.Actor, error) { return audit.User(r.Header.Get("User")), nil }

func adminOf(r *http.Request) (audit.Actor, error) {
	return audit.User("root-of-" + r.Header.Get("User")), nil
}

func ownerOf(r *http.Request, _ audit.Actor) (audit.Actor, error) {
	return audit.User(r.Header.Get("View-As")), nil
}

func (w *world) updateAsAdmin(ctx context.Context, k *task) error {
	k.reason = "spam"
	return w.updateWithIntent(ctx, k)
}

func (w *world) httpHandler(update updateFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		k := w.get(r.PathValue("id"))
		k.canceled = r.Context().Done()
		if k.behavior == deniedRequest {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		rw.WriteHeader(statusOf(update(contextWithTask(r.Context(), k), k)))
	}
}

func (w *world) ginHandler(update updateFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		k, r := w.get(c.Param("id")), c.Request
		k.canceled = r.Context().Done()
		if k.behavior == deniedRequest {
			c.AbortWithStatus(http.StatusForbidden)
			return
		}
		c.Status(statusOf(update(contextWithTask(r.Context(), k), k)))
	}
}

func (w *world) echo5Handler(update updateFunc) echo5.HandlerFunc {
	return func(c *echo5.Context) error {
		k, r := w.get(c.Param("id")), c.Request()
		k.canceled = r.Context().Done()
		if k.behavior == deniedRequest {
			return echo5.ErrForbidden
		}
		if err := update(contextWithTask(r.Context(), k), k); err != nil {
			return echo5.NewHTTPError(statusOf(err), "")
		}
		return c.NoContent(http.StatusNoContent)
	}
}

func (w *world) echoHandler(update updateFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k, r := w.get(c.Param("id")), c.Request()
		k.canceled = r.Context().Done()
		if k.behavior == deniedRequest {
			return echo.ErrForbidden
		}
		if err := update(contextWithTask(r.Context(), k), k); err != nil {
			return echo.NewHTTPError(statusOf(err))
		}
		return c.NoContent(http.StatusNoContent)
	}
}
