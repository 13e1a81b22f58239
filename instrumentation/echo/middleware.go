package auditecho

import (
	"context"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
)

// Middleware opens an audit scope for each request. It ends the scope when the handler has
// returned or panicked and the error or panic is answered, before the answer leaves. Both
// continue unchanged.
func Middleware(opts ...Option) echo.MiddlewareFunc {
	config := newConfig(opts)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if config.filter != nil && !config.filter(c) {
				return next(c)
			}
			t := tenureOf(c)
			return serve(config.open(c, t), t, next, nil)
		}
	}
}

// open opens the scope of a request.
func (config *config) open(c echo.Context, t *tenure) *request.Exchange {
	r := c.Request()
	d := request.DescribeHTTP(c.Response().Writer, r, c.Path())
	if config.metadata != nil {
		d.Metadata = config.metadata(c)
	}
	if config.actor != nil {
		d.Actor = func(ctx context.Context) (audit.Actor, error) {
			return t.read(func() (audit.Actor, error) { return config.actor(withContext(ctx, t.c, r)) })
		}
	}
	if config.onBehalfOf != nil {
		d.OnBehalfOf = func(ctx context.Context, actor audit.Actor) (audit.Actor, error) {
			return t.read(func() (audit.Actor, error) { return config.onBehalfOf(withContext(ctx, t.c, r), actor) })
		}
	}
	return config.request.Open(r.Context(), &d)
}
