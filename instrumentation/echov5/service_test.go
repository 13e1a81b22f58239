package auditecho_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	echojwt "github.com/labstack/echo-jwt/v5"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// publish is the event of the routes with an intent.
var publish = audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}

// Members of the expected records.
const (
	alice     = `"actor":{"id":"alice","type":"user"},`
	aliceJWT  = `"actor":{"auth_method":"jwt","id":"alice","type":"user"},`
	anonymous = `"actor":{"type":"anonymous"},`
	intent    = `"action":"article.publish","kind":"intent","operation":"update",`
	denied    = `"action":"access.denied","kind":"intent","outcome":"denied",`
	byRoute   = `"target":{"id":"/articles/:id","type":"route"},`
)

// post returns the metadata of a POST request.
func post(route, path, status string) string {
	if route != "" {
		route = `"http.route":"` + route + `",`
	}
	if status != "" {
		status = `"http.response.status_code":` + status + `,`
	}
	return `"metadata":{"client.address":"127.0.0.1","http.request.method":"POST",` + status + route +
		`"network.peer.address":"127.0.0.1","url.path":"` + path + `","user_agent.original":"test/1.0"}`
}

// TestServices sends a request to each service and compares whole records, the response,
// and how often the application's error handler was called.
func TestServices(t *testing.T) {
	t.Parallel()
	article := func(status string) string { return post("/articles/:id", "/articles/1", status) }
	auditMiddleware := func(more ...auditecho.Option) echo.MiddlewareFunc {
		return auditecho.Middleware(append(more, auditecho.WithActor(byUser))...)
	}
	recoverQuietly := middleware.RecoverWithConfig(middleware.RecoverConfig{DisablePrintStack: true})
	crash := func(*echo.Context) error { panic("no") }
	requestID := middleware.RequestIDWithConfig(middleware.RequestIDConfig{Generator: func() string { return "ours" }})
	identified := strings.Replace(article("200"), `"http.request.method"`, `"http.request.id":"ours","http.request.method"`, 1)
	overdue := func(c *echo.Context) error {
		<-c.Request().Context().Done()
		return c.Request().Context().Err()
	}
	readAll := func(c *echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}

	tests := []struct {
		name    string
		service func(e *echo.Echo, tracker audit.Tracker)
		path    string // "/articles/1?q=secret" if empty
		header  []string
		body    string
		status  int // 0: the client gets no response
		handled int // calls of the error handler
		want    []string
	}{
		{
			name: "a route with an intent",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware(auditecho.WithChannel("api")))
				e.POST("/articles/:id", func(c *echo.Context) error {
					audit.SetTarget(c.Request().Context(), audit.Target{Type: "article", ID: c.Param("id")})
					return c.NoContent(http.StatusNoContent)
				}, auditecho.Intent(tracker, publish))
			},
			status: 204,
			want:   []string{`{` + alice + intent + `"channel":"api","outcome":"success","target":{"id":"1","type":"article"},` + article("204") + `}`},
		},
		{
			name: "nested groups, one with an intent",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				api := e.Group("/api", auditMiddleware())
				articles := api.Group("/articles", auditecho.Intent(tracker, publish))
				articles.POST("/:id", answer(200))
			},
			path:   "/api/articles/1",
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("/api/articles/:id", "/api/articles/1", "200") + `}`},
		},
		{
			name: "an event that depends on request and status",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", answer(404), auditecho.IntentFunc(tracker, func(c *echo.Context, status int) audit.Event {
					return audit.Event{Action: "article.seek", Reason: http.StatusText(status), Target: audit.Target{Type: "article", ID: c.Param("id")}}
				}))
			},
			status: 404,
			want: []string{`{` + alice + `"action":"article.seek","kind":"intent","outcome":"failure","reason":"Not Found",` +
				`"target":{"id":"1","type":"article"},` + article("404") + `}`},
		},
		{
			name: "a handler that tracks the same action itself, and a signal that it covers",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", func(c *echo.Context) error {
					e := publish
					e.Target = audit.Target{Type: "article", ID: c.Param("id")}
					covered := audit.Event{Action: "articles.update", Kind: audit.KindSignal, Operation: audit.OperationUpdate, Target: e.Target}
					assert.NoError(t, tracker.Track(c.Request().Context(), covered))
					return tracker.Track(c.Request().Context(), e)
				}, auditecho.Intent(tracker, publish))
			},
			status: 200,
			want: []string{`{` + alice + intent + `"outcome":"unknown","target":{"id":"1","type":"article"},` +
				article("") + `}`},
		},
		{
			name: "an intent without the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.POST("/articles/:id", func(c *echo.Context) error {
					return audit.SetActor(c.Request().Context(), audit.User("alice"))
				}, auditecho.Intent(tracker, publish))
			},
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + article("") + `}`}, // it wrote nothing
		},
		{
			name: "a secret in the path",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/reset/:token/:name", answer(200), auditecho.Intent(tracker, publish))
			},
			path:   "/reset/hunter2%2Fagain/a%2Fb",
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("/reset/:token/:name", "/reset/***REDACTED***/a%2Fb", "200") + `}`},
		},
		{
			name: "a wildcard path",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/files/*", answer(200), auditecho.Intent(tracker, publish))
			},
			path:   "/files/a/b",
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + post("/files/*", "/files/a/b", "200") + `}`},
		},
		{
			name: "a middleware that runs before routing",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Pre(auditMiddleware())
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + article("200") + `}`},
		},
		{
			name: "no such route",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware(), auditecho.Intent(tracker, publish))
			},
			status: 404, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + post("", "/articles/1", "404") + `}`},
		},
		{
			name: "no such method",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware(), auditecho.Intent(tracker, publish))
				e.GET("/articles/:id", answer(200))
			},
			status: 405, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("405") + `}`},
		},
		{
			name: "an error of Echo",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", fail(errConflict), auditecho.Intent(tracker, publish))
			},
			status: 409, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("409") + `}`},
		},
		{
			name: "an error that the application's error handler maps to a status",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				missing := errors.New("no article of this id")
				count := e.HTTPErrorHandler
				e.HTTPErrorHandler = func(c *echo.Context, err error) {
					if errors.Is(err, missing) {
						err = echo.ErrForbidden.Wrap(err)
					}
					count(c, err)
				}
				e.Use(auditMiddleware(auditecho.WithDenials(tracker)))
				e.POST("/articles/:id", fail(missing), auditecho.Intent(tracker, publish), auditecho.Intent(tracker, audit.Event{Action: "step.inner"}))
			},
			status: 403, handled: 1,
			want: []string{
				`{` + alice + `"action":"step.inner","kind":"intent","outcome":"denied",` + article("403") + `}`,
				`{` + alice + intent + `"outcome":"denied",` + article("403") + `}`,
			},
		},
		{
			name: "an error after the response was written",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				late := errors.New("too late")
				e.Use(middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
					err := next(c)
					assert.Same(t, late, err, "the error was not handled yet")
					return err
				}), auditMiddleware(auditecho.WithDenials(tracker)))
				e.POST("/articles/:id", func(c *echo.Context) error {
					assert.NoError(t, c.NoContent(202))
					return late
				}, auditecho.Intent(tracker, publish))
			},
			status: 202, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("202") + `}`},
		},
		{
			name: "an error when the status is not needed",
			service: func(e *echo.Echo, _ audit.Tracker) {
				cause := errors.New("as it was")
				e.Use(middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
					err := next(c)
					assert.Same(t, cause, err)
					return err
				}), auditMiddleware())
				e.POST("/articles/:id", fail(cause))
			},
			status: 500, handled: 1,
		},
		{
			name: "Recover before the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(recoverQuietly, auditMiddleware())
				e.POST("/articles/:id", crash, auditecho.Intent(tracker, publish))
			},
			status: 500, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("500") + `}`},
		},
		{
			name: "Recover after the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", crash, auditecho.Intent(tracker, publish), recoverQuietly)
			},
			status: 500, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("500") + `}`},
		},
		{
			name: "no Recover at all",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", crash, auditecho.Intent(tracker, publish))
			},
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("") + `}`},
		},
		{
			name: "an error that a middleware outside of ours maps to a status",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				conflict := errors.New("conflict")
				e.Use(middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
					err := next(c)
					assert.Same(t, conflict, err)
					return echo.NewHTTPError(409, "")
				}), auditMiddleware())
				e.POST("/articles/:id", fail(conflict), auditecho.Intent(tracker, publish))
			},
			status: 409, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("409") + `}`},
		},
		{
			name: "an error that a middleware between ours and the intent answers",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware(), middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
					assert.Error(t, next(c))
					return c.NoContent(403)
				}))
				e.POST("/articles/:id", fail(errors.New("no")), auditecho.Intent(tracker, publish))
			},
			status: 403,
			want:   []string{`{` + alice + intent + `"outcome":"denied",` + article("403") + `}`},
		},
		{
			name: "an error handler that tracks an event, in the scope",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				count := e.HTTPErrorHandler
				e.HTTPErrorHandler = func(c *echo.Context, err error) {
					assert.NoError(t, tracker.Track(c.Request().Context(), audit.Event{Action: "article.read"}))
					count(c, err)
				}
				e.Use(auditMiddleware())
				e.POST("/articles/:id", fail(errConflict), auditecho.Intent(tracker, publish))
			},
			status: 409, handled: 1,
			want: []string{
				`{` + alice + `"action":"article.read","kind":"intent","outcome":"unknown",` + article("") + `}`,
				`{` + alice + intent + `"outcome":"failure",` + article("409") + `}`,
			},
		},
		{
			name: "RequestID before the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(requestID, auditMiddleware())
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + identified + `}`},
		},
		{
			name: "RequestID after the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware(), requestID)
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + identified + `}`},
		},
		{
			name: "RequestID before the middleware, with an ID from the client",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(requestID, auditMiddleware())
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			header: []string{"X-Request-Id", "theirs"},
			status: 200,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + strings.Replace(identified, "ours", "theirs", 1) + `}`},
		},
		{
			name: "RequestLogger before the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(requestLogger(func(v middleware.RequestLoggerValues) {
					assert.Equal(t, 409, v.Status)
					assert.ErrorIs(t, v.Error, errConflict)
				}), auditMiddleware())
				e.POST("/articles/:id", fail(errConflict), auditecho.Intent(tracker, publish))
			},
			// RequestLogger returns the error that it handled, with the middleware or without.
			status: 409, handled: 2,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("409") + `}`},
		},
		{
			name: "RequestLogger after the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", fail(errConflict), auditecho.Intent(tracker, publish), requestLogger(func(v middleware.RequestLoggerValues) {
					assert.Equal(t, 409, v.Status)
					assert.ErrorIs(t, v.Error, errConflict)
				}))
			},
			status: 409, handled: 2,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("409") + `}`},
		},
		{
			name: "BodyLimit before the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(middleware.BodyLimit(2), auditMiddleware())
				e.POST("/articles/:id", readAll, auditecho.Intent(tracker, publish))
			},
			body:   "too long",
			status: 413, handled: 1, // denied before the scope was opened
		},
		{
			name: "BodyLimit before the middleware, for a body of unknown length",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
					c.Request().ContentLength = -1
					return next(c)
				}), middleware.BodyLimit(2), auditMiddleware())
				e.POST("/articles/:id", readAll, auditecho.Intent(tracker, publish))
			},
			body:   "too long",
			status: 413, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("413") + `}`},
		},
		{
			name: "BodyLimit after the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", readAll, auditecho.Intent(tracker, publish), middleware.BodyLimit(2))
			},
			body:   "too long",
			status: 413, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("413") + `}`},
		},
		{
			name: "ContextTimeout before the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(middleware.ContextTimeout(time.Millisecond), auditMiddleware())
				e.POST("/articles/:id", overdue, auditecho.Intent(tracker, publish))
			},
			status: 503, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("503") + `}`},
		},
		{
			name: "ContextTimeout before the middleware, without an intent",
			service: func(e *echo.Echo, _ audit.Tracker) {
				e.Use(middleware.ContextTimeout(time.Millisecond), auditMiddleware())
				e.POST("/articles/:id", overdue)
			},
			status: 503, handled: 1,
		},
		{
			name: "ContextTimeout after the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", overdue, auditecho.Intent(tracker, publish), middleware.ContextTimeout(time.Millisecond))
			},
			status: 503, handled: 1,
			want: []string{`{` + alice + intent + `"outcome":"failure",` + article("503") + `}`},
		},
		{
			name: "Gzip before the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(middleware.Gzip(), auditMiddleware())
				e.POST("/articles/:id", func(c *echo.Context) error { return c.String(201, "text") }, auditecho.Intent(tracker, publish))
			},
			status: 201,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + article("201") + `}`},
		},
		{
			name: "Gzip after the middleware",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware())
				e.POST("/articles/:id", func(c *echo.Context) error { return c.String(201, "text") }, auditecho.Intent(tracker, publish), middleware.Gzip())
			},
			status: 201,
			want:   []string{`{` + alice + intent + `"outcome":"success",` + article("201") + `}`},
		},
		{
			name: "JWT before the middleware, with a token",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(echojwt.JWT(jwtKey), auditecho.Middleware(auditecho.WithActor(byToken), auditecho.WithDenials(tracker)))
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			header: []string{"Authorization", bearer("alice")},
			status: 200,
			want:   []string{`{` + aliceJWT + intent + `"outcome":"success",` + article("200") + `}`},
		},
		{
			name: "JWT before the middleware, without a token",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(echojwt.JWT(jwtKey), auditecho.Middleware(auditecho.WithActor(byToken), auditecho.WithDenials(tracker)))
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			status: 401, handled: 1, // denied before the scope was opened
		},
		{
			name: "JWT after the middleware, with a token",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditecho.Middleware(auditecho.WithActor(byToken), auditecho.WithDenials(tracker)), echojwt.JWT(jwtKey))
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			header: []string{"Authorization", bearer("alice")},
			status: 200,
			want:   []string{`{` + aliceJWT + intent + `"outcome":"success",` + article("200") + `}`},
		},
		{
			name: "JWT after the middleware, with a bad token",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditecho.Middleware(auditecho.WithActor(byToken), auditecho.WithDenials(tracker)), echojwt.JWT(jwtKey))
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			header: []string{"Authorization", "Bearer forged"},
			status: 401, handled: 1,
			want: []string{`{` + anonymous + denied + byRoute + article("401") + `}`},
		},
		{
			name: "JWT after the middleware, with a handler that denies",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditecho.Middleware(auditecho.WithActor(byToken), auditecho.WithDenials(tracker)), echojwt.JWT(jwtKey))
				e.POST("/articles/:id", fail(echo.ErrForbidden))
			},
			header: []string{"Authorization", bearer("alice")},
			status: 403, handled: 1,
			want: []string{`{` + aliceJWT + denied + byRoute + article("403") + `}`},
		},
		{
			name: "authentication that puts the user into the request's context",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				authenticate := echo.WrapMiddleware(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "alice")))
					})
				})
				e.Use(auditecho.Middleware(auditecho.WithActor(byContext), auditecho.WithDenials(tracker)), authenticate)
				e.POST("/articles/:id", fail(echo.ErrForbidden))
			},
			status: 403, handled: 1,
			want: []string{`{` + alice + denied + byRoute + article("403") + `}`},
		},
		{
			name: "two middlewares with one denial",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditecho.Middleware(auditecho.WithDenials(tracker)))
				admin := e.Group("/admin", auditMiddleware(auditecho.WithDenials(tracker), auditecho.WithChannel("admin")))
				admin.POST("/:id", fail(echo.ErrForbidden))
			},
			path:   "/admin/1",
			status: 403, handled: 1,
			want: []string{`{` + alice + denied + `"channel":"admin","target":{"id":"/admin/:id","type":"route"},` + post("/admin/:id", "/admin/1", "403") + `}`},
		},
		{
			name: "a trusted proxy and metadata of the application",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(auditMiddleware(
					auditecho.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")),
					auditecho.WithMetadata(func(c *echo.Context) []attribute.KeyValue {
						return []attribute.KeyValue{attribute.String("app.region", c.Request().Header.Get("Region"))}
					}),
				))
				e.POST("/articles/:id", answer(200), auditecho.Intent(tracker, publish))
			},
			header: []string{"X-Forwarded-For", "198.51.100.66, 203.0.113.7", "Region", "eu"},
			status: 200,
			want: []string{`{` + alice + intent + `"outcome":"success",` + strings.Replace(article("200"),
				`"client.address":"127.0.0.1"`, `"app.region":"eu","client.address":"203.0.113.7"`, 1) + `}`},
		},
		{
			name: "filtered requests",
			service: func(e *echo.Echo, tracker audit.Tracker) {
				e.Use(
					auditMiddleware(auditecho.WithDenials(tracker), auditecho.WithFilter(func(c *echo.Context) bool { return c.Path() != "/articles/:id" })),
				)
				e.POST("/articles/:id", func(c *echo.Context) error {
					assert.Nil(t, audit.ScopeFromContext(c.Request().Context()))
					return echo.ErrUnauthorized
				})
			},
			status: 401, handled: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t)
			e, handled := newEcho()
			tt.service(e, tracker)
			s := frameworktest.Serve(t, e)
			path := tt.path
			if path == "" {
				path = "/articles/1?q=secret"
			}
			header := tt.header
			if len(header) == 0 || header[0] != "User" {
				header = append([]string{"User", "alice"}, header...)
			}
			status, _, err := frameworktest.Send(t, s, http.MethodPost, path, strings.NewReader(tt.body), header...)
			if tt.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, tt.status, status)
			}
			s.Close() // the record may come after the response
			require.Eventually(t, func() bool { return len(records.Records()) >= len(tt.want) }, 10*time.Second, time.Millisecond)
			records.RequireRecords(t, tt.want...)
			require.Equal(t, tt.handled, *handled, "calls of the error handler")
		})
	}
}

// errConflict is an error that Echo has no variable for.
var errConflict = echo.NewHTTPError(http.StatusConflict, "Conflict")

type userKey struct{}

// byContext is an actor function that reads the request's context.
func byContext(c *echo.Context) (audit.Actor, error) {
	if id, ok := c.Request().Context().Value(userKey{}).(string); ok {
		return audit.User(id), nil
	}
	return audit.Actor{}, nil
}

func requestLogger(log func(middleware.RequestLoggerValues)) echo.MiddlewareFunc {
	return middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		LogStatus: true, HandleError: true,
		LogValuesFunc: func(_ *echo.Context, v middleware.RequestLoggerValues) error {
			log(v)
			return nil
		},
	})
}
