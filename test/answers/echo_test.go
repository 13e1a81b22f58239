package answers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
)

// echoService returns a service of Echo in a setup.
func echoService(o setup, tracker audit.Tracker, n *notes, row *echoRow) http.Handler {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	if row.onError != nil {
		e.HTTPErrorHandler = func(err error, c echo.Context) {
			n.add("error handler: %v, committed %v", err, c.Response().Committed)
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
	e.Any("/a", func(c echo.Context) error {
		err := row.handler(n, c)
		n.add("%v", err)
		return err
	}, route...)
	return e
}

var (
	errConflict = errors.New("conflict")
	errLate     = errors.New("too late")
)

func middlewareFunc(f func(n *notes, c echo.Context, next echo.HandlerFunc) error) func(*notes) echo.MiddlewareFunc {
	return func(n *notes) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error { return f(n, c, next) }
		}
	}
}

func theirs(mw echo.MiddlewareFunc) func(*notes) echo.MiddlewareFunc {
	return func(*notes) echo.MiddlewareFunc { return mw }
}

type echoRow struct {
	name    string
	request string // get if empty
	mw      func(*notes) echo.MiddlewareFunc
	onError func(e *echo.Echo, err error, c echo.Context)
	handler func(n *notes, c echo.Context) error
	want    expectation
	only1   bool
}

func fail(err error) func(*notes, echo.Context) error {
	return func(*notes, echo.Context) error { return err }
}

func committed(status int, err error) func(*notes, echo.Context) error {
	return func(n *notes, c echo.Context) error {
		n.add("%v", c.String(status, "hello"))
		return err
	}
}

func answers(*notes, echo.Context) error { return nil }

// careless is an error handler that does not check whether a response was written.
func careless(_ *echo.Echo, err error, c echo.Context) {
	_ = c.JSON(http.StatusTeapot, map[string]string{"error": err.Error()})
}

func echoRows() []echoRow {
	recoverer := func(config echomiddleware.RecoverConfig) func(*notes) echo.MiddlewareFunc {
		config.DisablePrintStack = true
		return theirs(echomiddleware.RecoverWithConfig(config))
	}
	mapping := middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
		err := next(c)
		n.add("mapping: %v", err)
		if errors.Is(err, errConflict) {
			return echo.NewHTTPError(http.StatusConflict, "conflict").SetInternal(err)
		}
		return err
	})
	overdue := func(_ *notes, c echo.Context) error {
		<-c.Request().Context().Done()
		return c.Request().Context().Err()
	}
	readAll := func(n *notes, c echo.Context) error {
		b, err := io.ReadAll(c.Request().Body)
		n.add("read %q", b)
		if err != nil {
			return err
		}
		return c.String(200, "pong")
	}
	return []echoRow{
		{name: "a text", handler: committed(201, nil), want: succeeds},
		{name: "nothing", handler: answers, want: silent},
		{name: "no content", handler: func(_ *notes, c echo.Context) error { return c.NoContent(204) }, want: succeeds},
		{name: "a redirect", handler: func(_ *notes, c echo.Context) error { return c.Redirect(302, "/b") }, want: succeeds},
		{name: "an error", handler: fail(errConflict), want: fails},
		{name: "an error of Echo", handler: fail(echo.ErrConflict), want: fails},
		{name: "a denial", handler: fail(echo.ErrForbidden), want: expectation{outcome: audit.OutcomeDenied}},
		{name: "an error for HEAD", request: strings.Replace(get, "GET", "HEAD", 1), handler: fail(echo.ErrNotFound), want: fails},
		{name: "an error that a middleware maps", mw: mapping, handler: fail(errConflict), want: fails},
		{name: "an error that a middleware answers", mw: middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
			n.add("answering: %v", next(c))
			return c.JSON(http.StatusConflict, "conflict")
		}), handler: fail(errConflict), want: fails},
		{name: "an error that a middleware passes to Echo", mw: middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
			err := next(c)
			n.add("passing: %v", err)
			c.Error(err)
			return nil
		}), handler: fail(echo.ErrConflict), want: fails},
		{name: "an error that a middleware swallows", mw: middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
			n.add("swallowing: %v", next(c))
			return nil
		}), handler: fail(errConflict), want: expectation{outcome: audit.OutcomeFailure, outcomes: map[order]audit.Outcome{inside: audit.OutcomeSuccess, intentOutside: audit.OutcomeSuccess}, none: orders}},
		{name: "a response that a middleware writes for the handler", mw: middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
			n.add("rendering: %v", next(c))
			return c.NoContent(http.StatusConflict)
		}), handler: answers, want: expectation{outcome: audit.OutcomeFailure, outcomes: map[order]audit.Outcome{intentOnly: audit.OutcomeSuccess, outside: audit.OutcomeSuccess}, none: beforeOurs}},
		{name: "an error that is no failure", mw: middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
			n.add("answering: %v", next(c))
			return c.NoContent(http.StatusNoContent)
		}), handler: fail(errConflict), want: succeeds},
		{name: "an error that the error handler maps", onError: func(e *echo.Echo, err error, c echo.Context) {
			if errors.Is(err, errConflict) {
				err = echo.ErrConflict
			}
			e.DefaultHTTPErrorHandler(err, c)
		}, mw: mapping, handler: fail(fmt.Errorf("wrapped: %w", errConflict)), want: fails},
		{name: "an error after the response", handler: committed(200, errLate), want: fails},
		{name: "an error after the response, for an error handler", onError: func(e *echo.Echo, err error, c echo.Context) {
			if !c.Response().Committed {
				careless(e, err, c)
			}
		}, handler: committed(200, errLate), want: fails},
		{name: "an error after the response, for a careless error handler", onError: careless, handler: committed(200, errLate), want: fails},
		{name: "an error for a careless error handler", onError: careless, handler: fail(errLate), want: fails},
		{name: "a careless error handler, called twice", onError: careless, mw: middlewareFunc(func(_ *notes, c echo.Context, next echo.HandlerFunc) error {
			err := next(c)
			if err != nil {
				c.Error(err)
			}
			return err
		}), handler: fail(errLate), want: fails},
		{name: "an error handler that panics", onError: func(*echo.Echo, error, echo.Context) { panic("no") }, handler: fail(errLate), want: fails},
		{name: "an error in a stream", handler: func(_ *notes, c echo.Context) error {
			_, _ = io.WriteString(c.Response(), "data: 1\n\n")
			c.Response().Flush()
			return errLate
		}, want: expectation{outcome: audit.OutcomeFailure, stream: true}},
		{name: "a stream", handler: func(_ *notes, c echo.Context) error {
			c.Response().Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				_, _ = fmt.Fprintf(c.Response(), "data: %d\n\n", i)
				c.Response().Flush()
			}
			return nil
		}, want: streams},
		{name: "a hijacked connection", only1: true, handler: func(n *notes, c echo.Context) error {
			conn, rw, err := c.Response().Hijack()
			n.add("%T %v", conn, err)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 299 Mine\r\nConnection: close\r\n\r\nhello")
			return rw.Flush()
		}, want: expectation{outcome: audit.OutcomeSuccess, stream: true, none: orders}},
		{name: "a panic", handler: func(*notes, echo.Context) error { panic("no") }, want: fails},
		{name: "an abort", handler: func(*notes, echo.Context) error { panic(http.ErrAbortHandler) }, want: fails},
		{name: "a panic under Recover", mw: recoverer(echomiddleware.RecoverConfig{}), handler: func(*notes, echo.Context) error { panic("no") }, want: fails},
		{name: "a panic under Recover that returns the error", mw: recoverer(echomiddleware.RecoverConfig{DisableErrorHandler: true}), handler: func(*notes, echo.Context) error {
			panic(errConflict)
		}, want: fails},
		{name: "a panic under Recover, after the response", mw: recoverer(echomiddleware.RecoverConfig{}), handler: func(n *notes, c echo.Context) error {
			n.add("%v", c.String(200, "hello"))
			panic("no")
		}, want: expectation{outcome: audit.OutcomeFailure, outcomes: map[order]audit.Outcome{inside: audit.OutcomeSuccess, intentOutside: audit.OutcomeSuccess}}},
		{name: "an abort under Recover", mw: recoverer(echomiddleware.RecoverConfig{}), handler: func(*notes, echo.Context) error { panic(http.ErrAbortHandler) }, want: fails},
		{name: "in time", mw: theirs(echomiddleware.ContextTimeout(time.Minute)), handler: committed(201, nil), want: succeeds},
		{name: "an error in time", mw: theirs(echomiddleware.ContextTimeout(time.Minute)), handler: fail(echo.ErrConflict), want: fails},
		{name: "too late for ContextTimeout", mw: theirs(echomiddleware.ContextTimeout(time.Millisecond)), handler: overdue, want: fails},
		{name: "in time for Timeout", mw: theirs(echomiddleware.TimeoutWithConfig(echomiddleware.TimeoutConfig{Timeout: time.Minute})), handler: committed(201, nil), want: succeeds},          //nolint:staticcheck // applications still use it
		{name: "an error in time for Timeout", mw: theirs(echomiddleware.TimeoutWithConfig(echomiddleware.TimeoutConfig{Timeout: time.Minute})), handler: fail(echo.ErrConflict), want: fails}, //nolint:staticcheck // applications still use it
		{name: "compressed", mw: theirs(echomiddleware.Gzip()), request: strings.Replace(get, "Connection", "Accept-Encoding: gzip\r\nConnection", 1), handler: committed(201, nil), want: succeeds},
		{name: "a compressed error", mw: theirs(echomiddleware.Gzip()), request: strings.Replace(get, "Connection", "Accept-Encoding: gzip\r\nConnection", 1), handler: fail(echo.ErrConflict), want: fails},
		{name: "a compressed stream", mw: theirs(echomiddleware.Gzip()), request: strings.Replace(get, "Connection", "Accept-Encoding: gzip\r\nConnection", 1), handler: func(_ *notes, c echo.Context) error {
			_, _ = io.WriteString(c.Response(), "hello")
			c.Response().Flush()
			return nil
		}, want: streams},
		{name: "a body within its limit", mw: theirs(echomiddleware.BodyLimit("4B")), request: post("ping"), handler: readAll, want: succeeds},
		{name: "a body beyond its limit", mw: theirs(echomiddleware.BodyLimit("3B")), request: post("ping"), handler: readAll, want: expectation{outcome: audit.OutcomeFailure, absent: []order{intentOnly, outside, between}}},
		{name: "a body of unknown length beyond its limit", mw: theirs(echomiddleware.BodyLimit("3B")), request: strings.Replace(post("4\r\nping\r\n0\r\n\r\n"), "Content-Length: 14", "Transfer-Encoding: chunked", 1), handler: readAll, want: fails},
		{name: "what a middleware changed", mw: middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
			err := next(c)
			n.add("form %d, value %v, user %v", len(c.Request().Form), c.Get("user"), c.Request().Context().Value(userKey{}))
			return err
		}), request: strings.Replace(get, "/a", "/a?b=c", 1), handler: func(_ *notes, c echo.Context) error {
			c.Set("user", "alice")
			_, err := c.FormParams()
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), userKey{}, "alice")))
			return errors.Join(err, c.NoContent(204))
		}, want: succeeds},
		{name: "hooks of the response", mw: middlewareFunc(func(n *notes, c echo.Context, next echo.HandlerFunc) error {
			c.Response().Before(func() { c.Response().Header().Set("X-Before", "1") })
			c.Response().After(func() { n.add("after: %d", c.Response().Status) })
			return next(c)
		}), handler: committed(201, nil), want: succeeds},
		{name: "a middleware of net/http", mw: func(n *notes) echo.MiddlewareFunc { return echo.WrapMiddleware(zipped) }, handler: committed(201, nil), want: succeeds},
		{name: "an error in a middleware of net/http", mw: func(n *notes) echo.MiddlewareFunc { return echo.WrapMiddleware(recovered(n)) }, handler: fail(echo.ErrConflict), want: fails},
		{name: "a handler of net/http", handler: func(_ *notes, c echo.Context) error {
			return echo.WrapHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), bytes.NewReader([]byte("hello")))
			}))(c)
		}, want: succeeds},
	}
}

type userKey struct{}

func TestEcho(t *testing.T) {
	t.Parallel()
	for _, row := range echoRows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, func(t *testing.T, o setup, tracker audit.Tracker, n *notes) answer {
				s := start(echoService(o, tracker, n, &row))
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

func TestEchoHTTP2(t *testing.T) {
	t.Parallel()
	for _, row := range echoRows() {
		if row.only1 || row.request != "" {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, func(t *testing.T, o setup, tracker audit.Tracker, n *notes) answer {
				s := start2(echoService(o, tracker, n, &row))
				defer s.Close()
				return exchange2(t, s, http.MethodGet, nil)
			})
		})
	}
}
