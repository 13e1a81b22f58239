package auditgin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from: see [audithttp.IntentOption].
// Those that withhold the answer are not available with gin.
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
