package auditecho

import (
	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from. If the provider's policy
// requires such a field and it is missing or blank, the handler does not run. The middleware
// returns an *echo.HTTPError with status 422, in which errors.As finds an *audit.UnmetError,
// and the trail has the record "audit.rejected".
type IntentOption func(*intentOptions)

// intentOptions are the options of a route intent.
type intentOptions []func(echo.Context, *request.Supply)

func newIntentOptions(opts []IntentOption) intentOptions {
	var o intentOptions
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func (o intentOptions) supply(c echo.Context) *request.Supply {
	s := &request.Supply{}
	for _, supply := range o {
		supply(c, s)
	}
	return s
}

// TargetParam takes the ID of the target from a path parameter of the route, such as "slug"
// in "/articles/:slug". The handler can set another target by audit.SetTarget.
func TargetParam(targetType, param string) IntentOption {
	return func(o *intentOptions) {
		*o = append(*o, func(c echo.Context, s *request.Supply) {
			s.Target, s.TargetParam = audit.Target{Type: targetType, ID: c.Param(param)}, param
			s.Fields = append(s.Fields, "target")
		})
	}
}

// ReasonFrom takes the reason from the request, for example with [Header], [Query] or
// [Form].
func ReasonFrom(source func(echo.Context) string) IntentOption {
	return func(o *intentOptions) {
		*o = append(*o, func(c echo.Context, s *request.Supply) {
			s.Reason = source(c)
			s.Fields = append(s.Fields, "reason")
		})
	}
}

// MetadataFrom takes the metadata of a key, such as a ticket, from the request. It is
// metadata of every event that the handler tracks.
func MetadataFrom(key attribute.Key, source func(echo.Context) string) IntentOption {
	return func(o *intentOptions) {
		*o = append(*o, func(c echo.Context, s *request.Supply) {
			if text := source(c); text != "" {
				s.Metadata = append(s.Metadata, key.String(text))
			}
			s.Fields = append(s.Fields, "metadata."+string(key))
		})
	}
}

// Header returns a source that reads a header.
func Header(name string) func(echo.Context) string {
	return func(c echo.Context) string { return c.Request().Header.Get(name) }
}

// Query returns a source that reads a parameter of the query.
func Query(name string) func(echo.Context) string {
	return func(c echo.Context) string { return c.QueryParam(name) }
}

// Form returns a source that reads a field of the form in the body, or else of the query.
// It parses the form, so the handler must not read the body itself.
func Form(name string) func(echo.Context) string {
	return func(c echo.Context) string { return c.FormValue(name) }
}
