package auditchi

import (
	"net/http"

	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from: see [audithttp.IntentOption].
type IntentOption = audithttp.IntentOption

// TargetParam takes the ID of the target from a path parameter of the route, such as "slug"
// in "/articles/{slug}". The handler can set another target by audit.SetTarget.
func TargetParam(targetType, param string) IntentOption {
	return audithttp.TargetParam(targetType, param)
}

// ReasonFrom takes the reason from the request, for example with [Header], [Query] or
// [Form].
func ReasonFrom(source func(*http.Request) string) IntentOption { return audithttp.ReasonFrom(source) }

// MetadataFrom takes the metadata of a key, such as a ticket, from the request. It is
// metadata of every event that the handler tracks.
func MetadataFrom(key attribute.Key, source func(*http.Request) string) IntentOption {
	return audithttp.MetadataFrom(key, source)
}

// OnUnmet sets the function that answers a request whose handler does not run: see
// [audithttp.OnUnmet].
func OnUnmet(f func(w http.ResponseWriter, r *http.Request, err error)) IntentOption {
	return audithttp.OnUnmet(f)
}

// WithheldAnswer makes the client wait until the event is recorded: see
// [audithttp.WithheldAnswer].
func WithheldAnswer() IntentOption { return audithttp.WithheldAnswer() }

// WithheldLimit sets how much memory the answer of one request may take while it is withheld:
// see [audithttp.WithheldLimit].
func WithheldLimit(bytes int) IntentOption { return audithttp.WithheldLimit(bytes) }

// OnNotBegun sets the function that answers a request whose event could not be begun: see
// [audithttp.OnNotBegun].
func OnNotBegun(f func(w http.ResponseWriter, r *http.Request, err error)) IntentOption {
	return audithttp.OnNotBegun(f)
}

// OnUnrecorded sets the function that answers a request whose handler has run, but whose
// outcome could not be recorded: see [audithttp.OnUnrecorded].
func OnUnrecorded(f func(w http.ResponseWriter, r *http.Request, err error, status int)) IntentOption {
	return audithttp.OnUnrecorded(f)
}

// Header returns a source that reads a header.
func Header(name string) func(*http.Request) string { return audithttp.Header(name) }

// Query returns a source that reads a parameter of the query.
func Query(name string) func(*http.Request) string { return audithttp.Query(name) }

// Form returns a source that reads a field of the form in the body, or else of the query.
// It parses the form, so the handler must not read the body itself.
func Form(name string) func(*http.Request) string { return audithttp.Form(name) }
