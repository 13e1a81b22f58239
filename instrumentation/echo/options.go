package auditecho

import (
	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
)

// Option configures the middleware.
type Option func(*config)

type config struct {
	actor   func(echo.Context) (audit.Actor, error)
	behind  func(echo.Context, audit.Actor) (audit.Actor, error)
	skipper func(echo.Context) bool
	http    []audithttp.Option
}

// WithActor sets how the actor of a request is found. f is called when the first
// event needs the actor, so that authentication which ran later is seen, be it by
// c.Get or in the context of that Track call, which c.Request() carries; it is
// never called after the request has ended. A zero actor means that there is
// none: an intent then fails with audit.ErrNoActor. An error is the error of the
// Track call.
//
// Where an earlier middleware has put a context of the application's own type in
// the place of Echo's, f gets that one, and its Request is the latest that was
// set.
func WithActor(f func(echo.Context) (audit.Actor, error)) Option {
	return func(c *config) { c.actor = f }
}

// WithOnBehalfOf sets for whom the actor of WithActor acts, for impersonation and
// delegation. f is called when the actor was found, under the same rules, and returns
// the actor behind it, or the zero Actor where there is none. It must find out by itself
// that the actor may act for that one. See [audithttp.WithOnBehalfOf].
func WithOnBehalfOf(f func(c echo.Context, actor audit.Actor) (audit.Actor, error)) Option {
	return func(c *config) { c.behind = f }
}

// WithSkipper chooses the requests that pass as if there were no middleware:
// those for which f returns true.
func WithSkipper(f func(echo.Context) bool) Option {
	return func(c *config) { c.skipper = f }
}

// WithHTTP adds options of package audithttp: the channel, trusted proxies,
// metadata, denials, the error handler. Its actor function is used where there is
// none of WithActor.
func WithHTTP(opts ...audithttp.Option) Option {
	return func(c *config) { c.http = append(c.http, opts...) }
}

func newConfig(opts []Option) *config {
	c := &config{}
	for _, opt := range opts {
		opt(c)
	}
	return c
}
