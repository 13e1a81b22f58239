package auditecho_test

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"go.opentelemetry.io/otel/attribute"
)

// TestFramework runs the cases that all frameworks share.
func TestFramework(t *testing.T) {
	t.Parallel()
	frameworktest.Run(t, newService, frameworktest.ColonStar)
}

// newService returns a service on Echo.
func newService(s *frameworktest.Service) http.Handler {
	e, _ := newEcho()
	if s.Middleware != nil {
		e.Use(auditecho.Middleware(optionsOf(s.Middleware)...))
	}
	for _, inside := range s.Inside {
		e.Use(echo.WrapMiddleware(inside))
	}
	for _, r := range s.Routes {
		var middlewares []echo.MiddlewareFunc
		if r.GroupMiddleware != nil {
			middlewares = append(middlewares, auditecho.Middleware(optionsOf(r.GroupMiddleware)...))
		}
		if r.GroupIntent != nil {
			middlewares = append(middlewares, intentOf(s.Tracker, r.GroupIntent))
		}
		group := e.Group(r.Group, middlewares...)
		var intents []echo.MiddlewareFunc
		for _, i := range r.Intents {
			intents = append(intents, intentOf(s.Tracker, i))
		}
		group.Add(r.Method, r.Pattern, func(c *echo.Context) error {
			r.Handler(c.Response(), c.Request(), c.Param)
			return nil
		}, intents...)
	}
	return e
}

func intentOf(t audit.Tracker, i *frameworktest.Intent) echo.MiddlewareFunc {
	if i.Func != nil {
		return auditecho.IntentFunc(t, func(c *echo.Context, status int) audit.Event { return i.Func(c.Request(), c.Param, status) })
	}
	var opts []auditecho.IntentOption
	if i.TargetParam != "" {
		opts = append(opts, auditecho.TargetParam("article", i.TargetParam))
	}
	if i.Reason != "" {
		opts = append(opts, auditecho.ReasonFrom(auditecho.Form(i.Reason)))
	}
	if i.Withheld {
		opts = append(opts, auditecho.WithheldAnswer())
	}
	if i.Ticket != "" {
		opts = append(opts, auditecho.MetadataFrom("ticket", auditecho.Header(i.Ticket)))
	}
	return auditecho.Intent(t, i.Event, opts...)
}

func optionsOf(o *frameworktest.Options) []auditecho.Option {
	opts := []auditecho.Option{auditecho.WithTrustedProxies(o.TrustedProxies...)}
	if o.Actor != nil {
		opts = append(opts, auditecho.WithActor(func(c *echo.Context) (audit.Actor, error) { return o.Actor(c.Request()) }))
	}
	if o.OnBehalfOf != nil {
		opts = append(opts, auditecho.WithOnBehalfOf(func(c *echo.Context, actor audit.Actor) (audit.Actor, error) {
			return o.OnBehalfOf(c.Request(), actor)
		}))
	}
	if o.Channel != "" {
		opts = append(opts, auditecho.WithChannel(o.Channel))
	}
	if o.Filter != nil {
		opts = append(opts, auditecho.WithFilter(func(c *echo.Context) bool { return o.Filter(c.Request()) }))
	}
	if o.Metadata != nil {
		opts = append(opts, auditecho.WithMetadata(func(c *echo.Context) []attribute.KeyValue { return o.Metadata(c.Request()) }))
	}
	if o.Denials != nil {
		opts = append(opts, auditecho.WithDenials(o.Denials))
	}
	if o.Coverage != nil {
		opts = append(opts, auditecho.WithCoverage(o.Coverage, o.Policy))
	}
	if o.ErrorHandler != nil {
		opts = append(opts, auditecho.WithErrorHandler(o.ErrorHandler))
	}
	return opts
}
