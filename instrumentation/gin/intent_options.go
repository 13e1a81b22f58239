package auditgin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from: see [audithttp.IntentOption].
// [WithheldAnswer] and what belongs to it say when the answer leaves.
type IntentOption func(*intentOptions)

// intentOptions are the options of a route intent.
type intentOptions []audithttp.IntentOption

func newIntentOptions(opts []IntentOption) []audithttp.IntentOption {
	var o intentOptions
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func option(opt audithttp.IntentOption) IntentOption {
	return func(o *intentOptions) { *o = append(*o, opt) }
}

// TargetParam takes the ID of the target from a path parameter of the route, such as "slug"
// in "/articles/:slug". The handler can set another target by audit.SetTarget.
func TargetParam(targetType, param string) IntentOption {
	return option(audithttp.TargetParam(targetType, param))
}

// ReasonFrom takes the reason from the request, for example with [Header], [Query] or
// [Form].
func ReasonFrom(source func(*gin.Context) string) IntentOption {
	return option(audithttp.ReasonFrom(from(source)))
}

// MetadataFrom takes the metadata of a key, such as a ticket, from the request. It is
// metadata of every event that the handler tracks.
func MetadataFrom(key attribute.Key, source func(*gin.Context) string) IntentOption {
	return option(audithttp.MetadataFrom(key, from(source)))
}

func from(source func(*gin.Context) string) func(*http.Request) string {
	return func(r *http.Request) string { return source(callOf(r).c) }
}

// OnUnmet sets the function that answers a request whose handlers do not run. err is an
// *audit.UnmetError. By default the status is 422 and the body names the fields.
func OnUnmet(f func(c *gin.Context, err error)) IntentOption {
	return option(audithttp.OnUnmet(func(_ http.ResponseWriter, r *http.Request, err error) { f(callOf(r).c, err) }))
}

// WithheldAnswer makes the client wait until the event is recorded: see
// [audithttp.WithheldAnswer]. It changes what a client gets when the trail cannot be written:
// use it for what must not be done unrecorded, such as a payout or a deletion.
//
//	r.DELETE("/users/:id", auditgin.Intent(tracker, audit.Event{Action: "user.delete"},
//		auditgin.TargetParam("user", "id"),
//		auditgin.WithheldAnswer()), deleteUser)
//
// If the event cannot be begun, the rest of the chain does not run, and the client gets a 503:
// see [OnNotBegun]. Otherwise c.Writer keeps what the handlers after the intent write, and says
// of it what gin's own says. What a middleware outside answers in place of a handler that left
// an error, waits for the record too.
func WithheldAnswer() IntentOption { return option(audithttp.WithheldAnswer()) }

// WithheldLimit sets how much memory the answer of one request may take while it is withheld,
// 64 KiB by default: its body, and 16 bytes for each write.
func WithheldLimit(bytes int) IntentOption { return option(audithttp.WithheldLimit(bytes)) }

// OnNotBegun sets the function that answers a request whose handlers do not run, because its
// event could not be begun: see [WithheldAnswer]. err is that of audit.Begin. By default the
// status is 503 and the body says that nothing was done.
func OnNotBegun(f func(c *gin.Context, err error)) IntentOption {
	return option(audithttp.OnNotBegun(func(_ http.ResponseWriter, r *http.Request, err error) { f(callOf(r).c, err) }))
}

// OnUnrecorded sets the function that answers a request whose handlers have run, but whose
// outcome could not be recorded: see [audithttp.OnUnrecorded]. Its writer, which is that of
// net/http, is below c.Writer, which may have had the handler's answer.
func OnUnrecorded(f func(w http.ResponseWriter, r *http.Request, err error, status int)) IntentOption {
	return option(audithttp.OnUnrecorded(f))
}

// Header returns a source that reads a header.
func Header(name string) func(*gin.Context) string {
	return func(c *gin.Context) string { return c.GetHeader(name) }
}

// Query returns a source that reads a parameter of the query.
func Query(name string) func(*gin.Context) string {
	return func(c *gin.Context) string { return c.Query(name) }
}

// Form returns a source that reads a field of the form in the body, or else of the query.
// It parses the form, so the handler must not read the body itself.
func Form(name string) func(*gin.Context) string {
	return func(c *gin.Context) string { return c.Request.FormValue(name) }
}
