package answers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v5"
	echomiddleware "github.com/labstack/echo/v5/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
)

// echo5Service returns a service of Echo v5 in a setup.
func echo5Service(o setup, tracker audit.Tracker, n *notes, row *echo5Row) http.Handler {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	if row.onError != nil {
		e.HTTPErrorHandler = func(c *echo.Context, err error) {
			n.add("error handler: %v, committed %v", err, responseOf(c).Committed)
			row.onError(e, err, c)
		}
	}
	type list = []echo.MiddlewareFunc
	var own list
	if row.mw != nil {
		own = list{row.mw(n)}
	}
	var opts []auditecho.IntentOption
	if o.withheld {
		opts = append(opts, auditecho.WithheldAnswer())
	}
	intent := list{auditecho.Intent(tracker, event, opts...)}
	scope := list{auditecho.Middleware(auditecho.WithDenials(tracker), auditecho.WithCoverage(tracker, nil), auditecho.WithErrorHandler(ignore))}
	var global, route list
	switch o.order {
	case bare:
		global = own
	case intentOnly:
		global, route = own, intent
	case scopeOnly:
		global = slices.Concat(own, scope)
	case outside:
		global, route = slices.Concat(own, scope), intent
	case between:
		global, route = scope, slices.Concat(own, intent)
	case inside:
		global, route = scope, slices.Concat(intent, own)
	case intentOutside:
		route = slices.Concat(intent, own)
	}
	e.Use(global...)
	e.Any("/a", func(c *echo.Context) error {
		err := row.handler(n, c)
		n.add("%v", err)
		return err
	}, route...)
	return e
}

var errConflict5 = echo.NewHTTPError(http.StatusConflict, "Conflict")

// responseOf returns Echo's response.
func responseOf(c *echo.Context) *echo.Response {
	response, err := echo.UnwrapResponse(c.Response())
	if err != nil {
		panic(err)
	}
	return response
}

func echo5Middleware(f func(n *notes, c *echo.Context, next echo.HandlerFunc) error) func(*notes) echo.MiddlewareFunc {
	return func(n *notes) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error { return f(n, c, next) }
		}
	}
}

func theirs5(mw echo.MiddlewareFunc) func(*notes) echo.MiddlewareFunc {
	return func(*notes) echo.MiddlewareFunc { return mw }
}

type echo5Row struct {
	name    string
	request string // get if empty
	mw      func(*notes) echo.MiddlewareFunc
	onError func(e *echo.Echo, err error, c *echo.Context)
	handler func(n *notes, c *echo.Context) error
	want    expectation
	only1   bool
}

func fail5(err error) func(*notes, *echo.Context) error {
	return func(*notes, *echo.Context) error { return err }
}

func committed5(status int, err error) func(*notes, *echo.Context) error {
	return func(n *notes, c *echo.Context) error {
		n.add("%v", c.String(status, "hello"))
		return err
	}
}

func answers5(*notes, *echo.Context) error { return nil }

// careless5 is an error handler that does not check whether a response was written.
func careless5(_ *echo.Echo, err error, c *echo.Context) {
	_ = c.JSON(http.StatusTeapot, map[string]string{"error": err.Error()})
}

func echo5Rows() []echo5Row {
	recoverer := func(config echomiddleware.RecoverConfig) func(*notes) echo.MiddlewareFunc {
		config.DisablePrintStack = true
		return theirs5(echomiddleware.RecoverWithConfig(config))
	}
	mapping := echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
		err := next(c)
		n.add("mapping: %v", err)
		if errors.Is(err, errConflict) {
			return echo.NewHTTPError(http.StatusConflict, "conflict").Wrap(err)
		}
		return err
	})
	overdue := func(_ *notes, c *echo.Context) error {
		<-c.Request().Context().Done()
		return c.Request().Context().Err()
	}
	readAll := func(n *notes, c *echo.Context) error {
		b, err := io.ReadAll(c.Request().Body)
		n.add("read %q", b)
		if err != nil {
			return err
		}
		return c.String(200, "pong")
	}
	return []echo5Row{
		{name: "a text", handler: committed5(201, nil), want: succeeds},
		{name: "nothing", handler: answers5, want: silent},
		{name: "no content", handler: func(_ *notes, c *echo.Context) error { return c.NoContent(204) }, want: succeeds},
		{name: "a redirect", handler: func(_ *notes, c *echo.Context) error { return c.Redirect(302, "/b") }, want: succeeds},
		{name: "an error", handler: fail5(errConflict), want: fails},
		{name: "an error of Echo", handler: fail5(errConflict5), want: fails},
		{name: "a denial", handler: fail5(echo.ErrForbidden), want: expectation{outcome: audit.OutcomeDenied}},
		{name: "an error for HEAD", request: strings.Replace(get, "GET", "HEAD", 1), handler: fail5(echo.ErrNotFound), want: fails},
		{name: "an error that a middleware maps", mw: mapping, handler: fail5(errConflict), want: fails},
		{name: "an error that a middleware answers", mw: echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
			n.add("answering: %v", next(c))
			return c.JSON(http.StatusConflict, "conflict")
		}), handler: fail5(errConflict), want: fails},
		{name: "an error that a middleware passes to Echo", mw: echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
			err := next(c)
			n.add("passing: %v", err)
			c.Echo().HTTPErrorHandler(c, err)
			return nil
		}), handler: fail5(errConflict5), want: fails},
		{name: "an error that a middleware swallows", mw: echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
			n.add("swallowing: %v", next(c))
			return nil
		}), handler: fail5(errConflict), want: expectation{outcome: audit.OutcomeFailure, outcomes: map[order]audit.Outcome{inside: audit.OutcomeSuccess, intentOutside: audit.OutcomeSuccess}, none: orders}},
		{name: "a response that a middleware writes for the handler", mw: echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
			n.add("rendering: %v", next(c))
			return c.NoContent(http.StatusConflict)
		}), handler: answers5, want: expectation{outcome: audit.OutcomeFailure, outcomes: map[order]audit.Outcome{intentOnly: audit.OutcomeSuccess, outside: audit.OutcomeSuccess}, none: beforeOurs}},
		{name: "an error that is no failure", mw: echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
			n.add("answering: %v", next(c))
			return c.NoContent(http.StatusNoContent)
		}), handler: fail5(errConflict), want: succeeds},
		{name: "an error that the error handler maps", onError: func(e *echo.Echo, err error, c *echo.Context) {
			if errors.Is(err, errConflict) {
				err = errConflict5
			}
			echo.DefaultHTTPErrorHandler(false)(c, err)
		}, mw: mapping, handler: fail5(fmt.Errorf("wrapped: %w", errConflict)), want: fails},
		{name: "an error after the response", handler: committed5(200, errLate), want: fails},
		{name: "an error after the response, for an error handler", onError: func(e *echo.Echo, err error, c *echo.Context) {
			if !responseOf(c).Committed {
				careless5(e, err, c)
			}
		}, handler: committed5(200, errLate), want: fails},
		{name: "an error after the response, for a careless error handler", onError: careless5, handler: committed5(200, errLate), want: fails},
		{name: "an error for a careless error handler", onError: careless5, handler: fail5(errLate), want: fails},
		{name: "a careless error handler, called twice", onError: careless5, mw: echo5Middleware(func(_ *notes, c *echo.Context, next echo.HandlerFunc) error {
			err := next(c)
			if err != nil {
				c.Echo().HTTPErrorHandler(c, err)
			}
			return err
		}), handler: fail5(errLate), want: fails},
		{name: "an error handler that panics", onError: func(*echo.Echo, error, *echo.Context) { panic("no") }, handler: fail5(errLate), want: fails},
		{name: "an error in a stream", handler: func(_ *notes, c *echo.Context) error {
			_, _ = io.WriteString(c.Response(), "data: 1\n\n")
			_ = http.NewResponseController(c.Response()).Flush()
			return errLate
		}, want: expectation{outcome: audit.OutcomeFailure, stream: true}},
		{name: "a stream", handler: func(_ *notes, c *echo.Context) error {
			c.Response().Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				_, _ = fmt.Fprintf(c.Response(), "data: %d\n\n", i)
				_ = http.NewResponseController(c.Response()).Flush()
			}
			return nil
		}, want: streams},
		{name: "a hijacked connection", only1: true, handler: func(n *notes, c *echo.Context) error {
			conn, rw, err := http.NewResponseController(c.Response()).Hijack()
			n.add("%T %v", conn, err)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 299 Mine\r\nConnection: close\r\n\r\nhello")
			return rw.Flush()
		}, want: expectation{outcome: audit.OutcomeSuccess, stream: true, none: orders}},
		{name: "a panic", handler: func(*notes, *echo.Context) error { panic("no") }, want: fails},
		{name: "an abort", handler: func(*notes, *echo.Context) error { panic(http.ErrAbortHandler) }, want: fails},
		{name: "a panic under Recover", mw: recoverer(echomiddleware.RecoverConfig{}), handler: func(*notes, *echo.Context) error { panic("no") }, want: fails},
		{name: "a panic under Recover, after the response", mw: recoverer(echomiddleware.RecoverConfig{}), handler: func(n *notes, c *echo.Context) error {
			n.add("%v", c.String(200, "hello"))
			panic("no")
		}, want: fails},
		{name: "an abort under Recover", mw: recoverer(echomiddleware.RecoverConfig{}), handler: func(*notes, *echo.Context) error { panic(http.ErrAbortHandler) }, want: fails},
		{name: "in time", mw: theirs5(echomiddleware.ContextTimeout(time.Minute)), handler: committed5(201, nil), want: succeeds},
		{name: "an error in time", mw: theirs5(echomiddleware.ContextTimeout(time.Minute)), handler: fail5(errConflict5), want: fails},
		{name: "too late for ContextTimeout", mw: theirs5(echomiddleware.ContextTimeout(time.Millisecond)), handler: overdue, want: fails},
		{name: "compressed", mw: theirs5(echomiddleware.Gzip()), request: strings.Replace(get, "Connection", "Accept-Encoding: gzip\r\nConnection", 1), handler: committed5(201, nil), want: succeeds},
		{name: "a compressed error", mw: theirs5(echomiddleware.Gzip()), request: strings.Replace(get, "Connection", "Accept-Encoding: gzip\r\nConnection", 1), handler: fail5(errConflict5), want: fails},
		{name: "a compressed stream", mw: theirs5(echomiddleware.Gzip()), request: strings.Replace(get, "Connection", "Accept-Encoding: gzip\r\nConnection", 1), handler: func(_ *notes, c *echo.Context) error {
			_, _ = io.WriteString(c.Response(), "hello")
			_ = http.NewResponseController(c.Response()).Flush()
			return nil
		}, want: streams},
		{name: "a body within its limit", mw: theirs5(echomiddleware.BodyLimit(4)), request: post("ping"), handler: readAll, want: succeeds},
		{name: "a body beyond its limit", mw: theirs5(echomiddleware.BodyLimit(3)), request: post("ping"), handler: readAll, want: expectation{outcome: audit.OutcomeFailure, absent: []order{intentOnly, outside, between}}},
		{name: "a body of unknown length beyond its limit", mw: theirs5(echomiddleware.BodyLimit(3)), request: strings.Replace(post("4\r\nping\r\n0\r\n\r\n"), "Content-Length: 14", "Transfer-Encoding: chunked", 1), handler: readAll, want: fails},
		{name: "what a middleware changed", mw: echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
			err := next(c)
			n.add("form %d, value %v, user %v", len(c.Request().Form), c.Get("user"), c.Request().Context().Value(userKey{}))
			return err
		}), request: strings.Replace(get, "/a", "/a?b=c", 1), handler: func(_ *notes, c *echo.Context) error {
			c.Set("user", "alice")
			_, err := c.FormValues()
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), userKey{}, "alice")))
			return errors.Join(err, c.NoContent(204))
		}, want: succeeds},
		{name: "hooks of the response", mw: echo5Middleware(func(n *notes, c *echo.Context, next echo.HandlerFunc) error {
			responseOf(c).Before(func() { c.Response().Header().Set("X-Before", "1") })
			responseOf(c).After(func() { n.add("after: %d", responseOf(c).Status) })
			return next(c)
		}), handler: committed5(201, nil), want: succeeds},
		{name: "a middleware of net/http", mw: func(n *notes) echo.MiddlewareFunc { return echo.WrapMiddleware(zipped) }, handler: committed5(201, nil), want: succeeds},
		{name: "an error in a middleware of net/http", mw: func(n *notes) echo.MiddlewareFunc { return echo.WrapMiddleware(recovered(n)) }, handler: fail5(errConflict5), want: fails},
		{name: "a handler of net/http", handler: func(_ *notes, c *echo.Context) error {
			return echo.WrapHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), bytes.NewReader([]byte("hello")))
			}))(c)
		}, want: succeeds},
	}
}

func TestEcho5(t *testing.T) {
	t.Parallel()
	for _, row := range echo5Rows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, func(t *testing.T, o setup, tracker audit.Tracker, n *notes) answer {
				s := start(echo5Service(o, tracker, n, &row))
				defer s.Close()
				request := row.request
				if request == "" {
					request = get
				}
				return exchange(t, s, request)
			})
		})
	}
}

func TestEcho5HTTP2(t *testing.T) {
	t.Parallel()
	for _, row := range echo5Rows() {
		if row.only1 || row.request != "" {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, func(t *testing.T, o setup, tracker audit.Tracker, n *notes) answer {
				s := start2(echo5Service(o, tracker, n, &row))
				defer s.Close()
				return exchange2(t, s, http.MethodGet, nil)
			})
		})
	}
}
