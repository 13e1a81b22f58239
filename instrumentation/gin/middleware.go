package auditgin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
)

// Middleware returns a middleware that opens an audit scope for each request. It ends the
// scope when the handlers have returned or panicked and the error or panic is answered,
// before the answer leaves. Both continue unchanged.
func Middleware(opts ...Option) gin.HandlerFunc {
	return handlerFunc(adapter.Middleware(opts...)(next))
}

// Intent returns a middleware that records e with t for each request of a route or a
// group, when the handlers after it have ended, as [audithttp.Intent] does.
//
// [audithttp.Intent]: https://pkg.go.dev/github.com/opendeed/audit/instrumentation/nethttp#Intent
func Intent(t audit.Tracker, e audit.Event, opts ...IntentOption) gin.HandlerFunc {
	return handlerFunc(adapter.Intent(t, e, newIntentOptions(opts)...)(next))
}

// IntentFunc is Intent for an event that depends on the request or on the status, as with
// [audithttp.IntentFunc]. c is the context of the handlers or, if it may be another
// request's, a copy from before them.
//
// [audithttp.IntentFunc]: https://pkg.go.dev/github.com/opendeed/audit/instrumentation/nethttp#IntentFunc
func IntentFunc(t audit.Tracker, event func(c *gin.Context, status int) audit.Event, opts ...IntentOption) gin.HandlerFunc {
	return handlerFunc(adapter.IntentFunc(t, func(r *http.Request, status int) audit.Event {
		return event(callOf(r).c, status)
	}, newIntentOptions(opts)...)(next))
}
