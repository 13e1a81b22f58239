package auditecho

import (
	"net/http"

	"github.com/labstack/echo/v5"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from, and when the answer leaves: see
// [audithttp.IntentOption].
type IntentOption = audithttp.IntentOption

// TargetParam takes the ID of the target from a path parameter of the route, such as "slug"
// in "/articles/:slug". The handler can set another target by audit.SetTarget.
func TargetParam(targetType, param string) IntentOption {
	return audithttp.TargetParam(targetType, param)
}

// ReasonFrom takes the reason from the request, for example with [Header], [Query] or
// [Form].
func ReasonFrom(source func(*echo.Context) string) IntentOption {
	return audithttp.ReasonFrom(from(source))
}

// MetadataFrom takes the metadata of a key, such as a ticket, from the request. It is
// metadata of every event that the handler tracks.
func MetadataFrom(key attribute.Key, source func(*echo.Context) string) IntentOption {
	return audithttp.MetadataFrom(key, from(source))
}

func from(source func(*echo.Context) string) func(*http.Request) string {
	return func(r *http.Request) string { return source(callOf(r).c) }
}

// WithheldAnswer makes the client wait until the event is recorded: see
// [audithttp.WithheldAnswer]. It changes what a client gets when the trail cannot be written:
// use it for what must not be done unrecorded, such as a payout or a deletion.
//
//	e.DELETE("/users/:id", deleteUser, auditecho.Intent(tracker, audit.Event{Action: "user.delete"},
//		auditecho.TargetParam("user", "id"),
//		auditecho.WithheldAnswer()))
//
// If the event cannot be begun, the handler does not run, and the middleware returns an
// *echo.HTTPError with status 503, in which errors.As finds the error of audit.Begin. What
// answers an error of the handler, such as Echo's error handler, waits for the record too.
func WithheldAnswer() IntentOption { return audithttp.WithheldAnswer() }

// WithheldLimit sets how much memory the answer of one request may take while it is withheld,
// 64 KiB by default: its body, and 16 bytes for each write.
func WithheldLimit(bytes int) IntentOption { return audithttp.WithheldLimit(bytes) }

// OnUnrecorded sets the function that answers a request whose handler has run, but whose
// outcome could not be recorded: see [audithttp.OnUnrecorded].
//
// The function writes below Echo's own response, whose status, hooks and middleware have had
// the handler's answer. It is not called if Echo's error handler answers an error of the
// handler.
func OnUnrecorded(f func(w http.ResponseWriter, r *http.Request, err error, status int)) IntentOption {
	return audithttp.OnUnrecorded(f)
}

// Header returns a source that reads a header.
func Header(name string) func(*echo.Context) string {
	return func(c *echo.Context) string { return c.Request().Header.Get(name) }
}

// Query returns a source that reads a parameter of the query.
func Query(name string) func(*echo.Context) string {
	return func(c *echo.Context) string { return c.QueryParam(name) }
}

// Form returns a source that reads a field of the form in the body, or else of the query.
// It parses the form, so the handler must not read the body itself.
func Form(name string) func(*echo.Context) string {
	return func(c *echo.Context) string { return c.FormValue(name) }
}
