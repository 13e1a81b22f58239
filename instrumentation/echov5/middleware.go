package auditecho

import (
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
)

// Middleware opens an audit scope for each request. It ends the scope when the handler has
// returned or panicked and the error or panic is answered, before the answer leaves. Both
// continue unchanged.
func Middleware(opts ...Option) echo.MiddlewareFunc {
	return middlewareFunc(adapter.Middleware(opts...)(next))
}

// Intent returns a middleware that records e with t for each request of a route or a
// group, when the handler has ended and its error, if any, is answered, as
// [audithttp.Intent] does.
//
// If a field that an option takes from the request is required and missing, the handler does
// not run. The middleware returns an *echo.HTTPError with status 422, in which errors.As finds
// an *audit.UnmetError.
//
// [audithttp.Intent]: https://pkg.go.dev/github.com/opendeed/audit/instrumentation/nethttp#Intent
func Intent(t audit.Tracker, e audit.Event, opts ...IntentOption) echo.MiddlewareFunc {
	return middlewareFunc(adapter.Intent(t, e, opts...)(next))
}

// IntentFunc is Intent for an event that depends on the request or on the status, as with
// [audithttp.IntentFunc]. event is also called, with 0, if an error waits to be answered.
//
// If an http.TimeoutHandler has answered instead of the handler, c is a context of its own
// with the request, the path and its parameters, but nothing that was set.
//
// [audithttp.IntentFunc]: https://pkg.go.dev/github.com/opendeed/audit/instrumentation/nethttp#IntentFunc
func IntentFunc(t audit.Tracker, event func(c *echo.Context, status int) audit.Event, opts ...IntentOption) echo.MiddlewareFunc {
	return middlewareFunc(adapter.IntentFunc(t, func(r *http.Request, status int) audit.Event {
		return event(callOf(r).c, status)
	}, opts...)(next))
}
