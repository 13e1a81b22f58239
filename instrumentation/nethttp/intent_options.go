package audithttp

import (
	"net/http"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from. If the provider's policy
// requires such a field and it is missing or blank, the handler does not run: the client
// gets a 422 (see [OnUnmet]), and the trail the record "audit.rejected".
type IntentOption func(*intentConfig)

// intentConfig holds the options of a route intent.
type intentConfig struct {
	supplies []func(*http.Request, paramFunc, *request.Supply)
	unmet    func(http.ResponseWriter, *http.Request, error)
}

// paramFunc returns a path parameter.
type paramFunc = func(r *http.Request, name string) string

func newIntentConfig(opts []IntentOption) *intentConfig {
	c := &intentConfig{unmet: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, request.UnmetText(err), request.UnmetStatus)
	}}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

func (c *intentConfig) supply(r *http.Request, param paramFunc) *request.Supply {
	s := &request.Supply{}
	for _, supply := range c.supplies {
		supply(r, param, s)
	}
	return s
}

// TargetParam takes the ID of the target from a path parameter of the route, such as "slug"
// in "/articles/{slug}". The handler can set another target by audit.SetTarget.
func TargetParam(targetType, param string) IntentOption {
	return func(c *intentConfig) {
		c.supplies = append(c.supplies, func(r *http.Request, value paramFunc, s *request.Supply) {
			s.Target, s.TargetParam = audit.Target{Type: targetType, ID: value(r, param)}, param
			s.Fields = append(s.Fields, "target")
		})
	}
}

// ReasonFrom takes the reason from the request, for example with [Header], [Query] or
// [Form].
func ReasonFrom(source func(*http.Request) string) IntentOption {
	return func(c *intentConfig) {
		c.supplies = append(c.supplies, func(r *http.Request, _ paramFunc, s *request.Supply) {
			s.Reason = source(r)
			s.Fields = append(s.Fields, "reason")
		})
	}
}

// MetadataFrom takes the metadata of a key, such as a ticket, from the request. It is
// metadata of every event that the handler tracks.
func MetadataFrom(key attribute.Key, source func(*http.Request) string) IntentOption {
	return func(c *intentConfig) {
		c.supplies = append(c.supplies, func(r *http.Request, _ paramFunc, s *request.Supply) {
			if text := source(r); text != "" {
				s.Metadata = append(s.Metadata, key.String(text))
			}
			s.Fields = append(s.Fields, "metadata."+string(key))
		})
	}
}

// OnUnmet sets the function that answers a request whose handler does not run. err is an
// *audit.UnmetError. By default the status is 422 and the body names the fields.
func OnUnmet(f func(w http.ResponseWriter, r *http.Request, err error)) IntentOption {
	return func(c *intentConfig) { c.unmet = f }
}

// Header returns a source that reads a header.
func Header(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.Header.Get(name) }
}

// Query returns a source that reads a parameter of the query.
func Query(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.URL.Query().Get(name) }
}

// Form returns a source that reads a field of the form in the body, or else of the query.
// It parses the form, so the handler must not read the body itself.
func Form(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.FormValue(name) }
}
