package audithttp

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
)

// Option configures a middleware.
type Option func(*config)

// config is what the options of one middleware say. The zero value is that of a
// route intent without a middleware.
type config struct {
	actor        func(*http.Request) (audit.Actor, error)
	channel      audit.ScopeOption
	filter       func(*http.Request) bool
	route        func(*http.Request) string
	proxies      []netip.Prefix
	metadata     func(*http.Request) []attribute.KeyValue
	onBehalfOf   func(*http.Request, audit.Actor) (audit.Actor, error)
	denials      audit.Tracker
	coverage     *coverage
	errorHandler func(context.Context, error)
}

// WithActor sets how the actor of a request is found. f is called when the first
// event needs the actor, with the request as the middleware got it and the
// context of that Track call, so that authentication which ran later is seen if
// it left something in the context; it is never called after the request has
// ended. A zero actor means that there is none: an intent then fails with
// audit.ErrNoActor. An error is the error of the Track call.
//
// f may be called by several goroutines of a request, one at a time, until it
// succeeds. Authentication that runs inside of the middleware can also state the
// actor itself, by audit.SetActor.
func WithActor(f func(*http.Request) (audit.Actor, error)) Option {
	return func(c *config) { c.actor = f }
}

// WithChannel states the way by which the requests come, e.g. semconv.ChannelAPI.
func WithChannel(channel string) Option {
	return func(c *config) { c.channel = audit.WithChannel(channel) }
}

// WithFilter chooses the requests that get a scope: those for which f returns
// true. Others pass as if there were no middleware.
func WithFilter(f func(*http.Request) bool) Option {
	return func(c *config) { c.filter = f }
}

// WithRoute tells the route of a request ahead of the handler, where the
// middleware cannot see it: around a router other than [http.ServeMux], or where
// something else stands between the middleware and the ServeMux. f returns a
// pattern with parameters like {id} or :id, or "" if no route matches. For a
// ServeMux behind another handler it is
//
//	func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
//
// Without it the path is recorded before it is known which part of it is a
// secret, for the events that no route intent or middleware further in is around.
func WithRoute(f func(*http.Request) string) Option {
	return func(c *config) { c.route = f }
}

// WithTrustedProxies names the proxies whose X-Forwarded-For header is believed.
// Where the peer is one of them, the client is the last address of the header
// that is not. The header is believed from the right up to there, and no further
// than the first entry that is no address. The default is to believe nobody: the
// client is then the peer.
//
// A proxy that calls over a Unix socket has no address and cannot be named here;
// state semconv.ClientAddressKey by [WithMetadata].
func WithTrustedProxies(proxies ...netip.Prefix) Option {
	return func(c *config) {
		for _, p := range proxies {
			c.proxies = append(c.proxies, canonicalPrefix(p))
		}
	}
}

// WithMetadata adds to every event of a request what f returns. f is called once
// a request, before the handler. Its values are taken to come from the client:
// they are cut and cleaned like the rest. A key that the middleware sets itself
// is overridden, and the record keeps both values.
func WithMetadata(f func(*http.Request) []attribute.KeyValue) Option {
	return func(c *config) { c.metadata = f }
}

// WithDenials records requests that were refused before anything else recorded
// them: one that ends 401 or 403 and left no event leaves one "access.denied",
// tracked by t. Its target is what audit.SetTarget stated, or else the route.
//
// Its actor is the request's and, by the choice that this option is, Anonymous
// where there is none. Where the actor could not be found out because of an
// error, it is Anonymous too: after a 401 nobody proved to be anyone; after a 403
// the record's reason says so and the error handler gets the error.
//
// The actor is asked for with the context that the middleware made. What a
// middleware further in put into its own context is not seen from there, so that
// authentication should state the actor by audit.SetActor.
func WithDenials(t audit.Tracker) Option {
	return func(c *config) { c.denials = t }
}

// WithErrorHandler sets what happens to errors that come too late for the
// handler: of a route intent, of a denial, of signals that were recorded when the
// request ended. The context is the request's, but is not cancelled with it. The
// default logs to slog.Default, without values.
func WithErrorHandler(f func(context.Context, error)) Option {
	return func(c *config) { c.errorHandler = f }
}

func newConfig(opts []Option) *config {
	c := &config{}
	for _, opt := range opts {
		opt(c)
	}
	return c
}
