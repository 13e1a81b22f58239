package auditgin_test

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"go.opentelemetry.io/otel/attribute"
)

// TestFramework runs the cases that all frameworks share.
func TestFramework(t *testing.T) {
	t.Parallel()
	frameworktest.Run(t, newService, frameworktest.ColonStarName)
}

// newService returns a service on gin.
func newService(s *frameworktest.Service) http.Handler {
	e := gin.New()
	if s.Middleware != nil {
		e.Use(auditgin.Middleware(optionsOf(s.Middleware)...))
	}
	for _, inside := range s.Inside {
		e.Use(wrapMiddleware(inside))
	}
	for _, r := range s.Routes {
		group := e.Group(r.Group)
		if r.GroupMiddleware != nil {
			group.Use(auditgin.Middleware(optionsOf(r.GroupMiddleware)...))
		}
		if r.GroupIntent != nil {
			group.Use(intent(s.Tracker, r.GroupIntent))
		}
		var handlers gin.HandlersChain
		for _, i := range r.Intents {
			handlers = append(handlers, intent(s.Tracker, i))
		}
		group.Handle(r.Method, r.Pattern, append(handlers, func(c *gin.Context) { r.Handler(c.Writer, c.Request, c.Param) })...)
	}
	return e
}

// wrapMiddleware returns a middleware of net/http as one of gin.
func wrapMiddleware(mw func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		ran := false
		mw(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ran = true
			c.Request = r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !ran {
			c.Abort()
		}
	}
}

func intent(t audit.Tracker, i *frameworktest.Intent) gin.HandlerFunc {
	if i.Func != nil {
		return auditgin.IntentFunc(t, func(c *gin.Context, status int) audit.Event { return i.Func(c.Request, c.Param, status) })
	}
	var opts []auditgin.IntentOption
	if i.TargetParam != "" {
		opts = append(opts, auditgin.TargetParam("article", i.TargetParam))
	}
	if i.Reason != "" {
		opts = append(opts, auditgin.ReasonFrom(auditgin.Form(i.Reason)))
	}
	if i.Withheld {
		opts = append(opts, auditgin.WithheldAnswer())
	}
	if i.Ticket != "" {
		opts = append(opts, auditgin.MetadataFrom("ticket", auditgin.Header(i.Ticket)))
	}
	return auditgin.Intent(t, i.Event, opts...)
}

func optionsOf(o *frameworktest.Options) []auditgin.Option {
	opts := []auditgin.Option{auditgin.WithTrustedProxies(o.TrustedProxies...)}
	if o.Actor != nil {
		opts = append(opts, auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) { return o.Actor(c.Request) }))
	}
	if o.OnBehalfOf != nil {
		opts = append(opts, auditgin.WithOnBehalfOf(func(c *gin.Context, actor audit.Actor) (audit.Actor, error) {
			return o.OnBehalfOf(c.Request, actor)
		}))
	}
	if o.Channel != "" {
		opts = append(opts, auditgin.WithChannel(o.Channel))
	}
	if o.Filter != nil {
		opts = append(opts, auditgin.WithFilter(func(c *gin.Context) bool { return o.Filter(c.Request) }))
	}
	if o.Metadata != nil {
		opts = append(opts, auditgin.WithMetadata(func(c *gin.Context) []attribute.KeyValue { return o.Metadata(c.Request) }))
	}
	if o.Denials != nil {
		opts = append(opts, auditgin.WithDenials(o.Denials))
	}
	if o.Coverage != nil {
		opts = append(opts, auditgin.WithCoverage(o.Coverage, o.Policy))
	}
	if o.ErrorHandler != nil {
		opts = append(opts, auditgin.WithErrorHandler(o.ErrorHandler))
	}
	return opts
}
