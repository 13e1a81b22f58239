package auditecho

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
)

// Intent records e by t for each request of a route or a group, when the handler
// has ended, with the status of the response. See [audithttp.Intent].
func Intent(t audit.Tracker, e audit.Event) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := newExchange(c, next)
			return x.serve(audithttp.Intent(t, e, x))
		}
	}
}

// IntentFunc is Intent for an event that depends on the request or the status.
// See [audithttp.IntentFunc].
func IntentFunc(t audit.Tracker, event func(c echo.Context, status int) audit.Event) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := newExchange(c, next)
			return x.serve(audithttp.IntentFunc(t, func(_ *http.Request, status int) audit.Event {
				return event(c, status)
			}, x))
		}
	}
}
