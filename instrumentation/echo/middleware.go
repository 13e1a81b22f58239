package auditecho

import (
	"github.com/labstack/echo/v4"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
)

// Middleware opens an audit scope for each request and ends it when the handler
// has returned or panicked. A panic goes on as it was.
func Middleware(opts ...Option) echo.MiddlewareFunc {
	config := newConfig(opts)
	wrap := audithttp.NewMiddleware(config.http...)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if config.skipper != nil && config.skipper(c) {
				return next(c)
			}
			x := newExchange(c, next)
			x.actor, x.behind = config.actor, config.behind
			return x.serve(wrap(x))
		}
	}
}
