package auditchi

import (
	"net/http"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
)

// adapter describes chi to the middleware of net/http. chi uses the context of its routes
// again when it has answered.
var adapter = audithttp.Adapter{Route: routeOf, IsOver: isOver, Copy: copyOf}

// Middleware returns a middleware that opens an audit scope for each request and ends it
// when the handler has returned or panicked. A panic continues unchanged. Register it with
// Use, or let it wrap a router.
func Middleware(opts ...Option) func(http.Handler) http.Handler { return adapter.Middleware(opts...) }

// Intent returns a middleware that records e with t for each request of a route, as
// [audithttp.Intent] does: r.With(Intent(t, e)).Post("/articles/{slug}", publish). With Use
// it records e for each request of a group. To wrap a handler, call it:
// r.Method("POST", "/articles/{slug}", Intent(t, e)(publish)).
func Intent(t audit.Tracker, e audit.Event, opts ...IntentOption) func(http.Handler) http.Handler {
	return adapter.Intent(t, e, opts...)
}

// IntentFunc is Intent for an event that depends on the request or on the status, as with
// [audithttp.IntentFunc].
func IntentFunc(t audit.Tracker, event func(r *http.Request, status int) audit.Event, opts ...IntentOption) func(http.Handler) http.Handler {
	return adapter.IntentFunc(t, event, opts...)
}
