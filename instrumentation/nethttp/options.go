package audithttp

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/policy"
	"go.opentelemetry.io/otel/attribute"
)

// Option configures the middleware.
type Option func(*config)

// config holds the options of one middleware. A route intent has those of the enclosing
// middleware, and none of its own.
type config struct {
	adapter    *Adapter
	request    request.Config
	actor      func(*http.Request) (audit.Actor, error)
	onBehalfOf func(*http.Request, audit.Actor) (audit.Actor, error)
	filter     func(*http.Request) bool
	route      func(*http.Request) string
	metadata   func(*http.Request) []attribute.KeyValue
	routeAfter func(http.ResponseWriter, *http.Request) string // finds the route that the handler found; may be nil
}

func newConfig(a *Adapter, opts []Option) *config {
	c := &config{adapter: a}
	for _, opt := range opts {
		opt(c)
	}
	if c.route == nil && a.Route != nil {
		c.routeAfter = a.after
	}
	return c
}

// WithActor sets the function that finds the actor of a request. f is called when the
// first event needs the actor, with the request as the middleware got it and the context
// of that Track call. So it sees what later authentication put into the context. It is
// never called after the request has ended.
//
// If f returns the zero actor, an enclosing middleware is asked. Without one, the request
// has no actor: an intent then fails with audit.ErrNoActor. The actor of what
// encloses the server, such as that of http.Server.BaseContext, is never the request's. If f
// returns an error, Track returns it.
//
// Several goroutines of a request may call f, one at a time, until it succeeds.
// Authentication inside the middleware can also set the actor itself, by audit.SetActor.
func WithActor(f func(*http.Request) (audit.Actor, error)) Option {
	return func(c *config) { c.actor = f }
}

// WithOnBehalfOf sets the function that finds on whose behalf the actor of a request
// acts, for impersonation and delegation: an administrator who views an account as its
// owner, or a service that received a user's token. f is called when the actor was found,
// under the same rules as the function of [WithActor], and returns the zero Actor if the
// actor acts for itself. It makes no difference whether this middleware found the actor, one
// that encloses it, or one inside it, or whether audit.SetActor set it. Of the functions of
// several middlewares the innermost that finds somebody counts.
//
// f must verify that the actor may act for the one it returns: a header that any client
// can send is not proof. If f returns an error, Track returns it, and nothing is recorded
// in the wrong name.
//
// f is not called for the actor of an event or of audit.ContextWithActor.
func WithOnBehalfOf(f func(r *http.Request, actor audit.Actor) (audit.Actor, error)) Option {
	return func(c *config) { c.onBehalfOf = f }
}

// WithChannel sets how the requests reach the application, e.g. semconv.ChannelAPI.
func WithChannel(channel string) Option {
	return func(c *config) {
		c.request.ScopeOptions = append(c.request.ScopeOptions, audit.WithChannel(channel))
	}
}

// WithFilter limits the middleware to the requests for which f returns true. It ignores
// all others.
func WithFilter(f func(*http.Request) bool) Option {
	return func(c *config) { c.filter = f }
}

// WithRoute sets the function that finds the route of a request before the handler runs.
// It is needed if the middleware wraps a router other than [http.ServeMux] that has no
// [Adapter], or if another handler stands between the middleware and the ServeMux. f returns a pattern with
// parameters such as {id} or :id, or "" if no route matches. For a ServeMux inside
// another handler it is
//
//	func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
//
// Without it, the path is recorded before it is known which part of it is a secret, in
// events that no route intent or inner middleware encloses.
func WithRoute(f func(*http.Request) string) Option {
	return func(c *config) { c.route = f }
}

// WithTrustedProxies adds proxies whose X-Forwarded-For header is trusted. If the peer is
// one of them, the client is the last address in the header that is not one. The header
// is read from the right, up to that address or to the first entry that is not an
// address. By default no proxy is trusted, and the client is the peer.
//
// A proxy that connects over a Unix socket has no address and cannot be listed here; set
// semconv.ClientAddressKey by [WithMetadata].
func WithTrustedProxies(proxies ...netip.Prefix) Option {
	return func(c *config) { c.request.TrustedProxies.Add(proxies...) }
}

// WithMetadata sets a function whose result is added to every event of a request. f is
// called once for each request, before the handler. Its values are treated as text from a
// client: they are shortened like the others. A key that the middleware sets
// itself is overridden, and the record keeps both values.
func WithMetadata(f func(*http.Request) []attribute.KeyValue) Option {
	return func(c *config) { c.metadata = f }
}

// WithDenials records denied requests that nothing else recorded: a request that ends
// with 401 or 403 and recorded no intent is recorded as "access.denied" with t. Its target
// is the one that was set by audit.SetTarget, or else the route. Signals of what was done,
// such as a session that was touched, do not count.
//
// Its actor is the request's, or [audit.Anonymous] without one. If the actor cannot
// be found because of an error, it is anonymous too. After a 401 that is expected, since
// nobody has proved an identity. After a 403 the record's reason says so, and the error
// handler gets the error.
//
// The actor is found with the context that the middleware made, which does not contain
// what an inner middleware put into its own. Authentication should therefore set the
// actor by audit.SetActor.
//
// It panics if t is nil.
func WithDenials(t audit.Tracker) Option {
	return func(c *config) { c.request.Denials = request.RequireTracker(t, "audithttp.WithDenials") }
}

// WithCoverage reports requests that should have recorded an event and did not: in the
// metric audit.coverage.missing, to the error handler as a [*CoverageError], and as the
// signal "audit.coverage.missing", tracked by t, whose actor is the request's or
// unresolved.
//
// The first request rule of p that matches a successful request, one with a status below
// 400, says whether it should have recorded an event. If none matches, or p is nil, it
// should have unless its method is GET, HEAD, OPTIONS or TRACE. To exempt requests, such as
// those of a WebDAV server that only read, add a rule that says why.
//
// An intent of the request is the event that it should have recorded. A signal is that
// event only if it is about the target and the operation of the route: see
// [request.NewCoverage].
//
// Events outside of the request's scope do not count, and neither do events that were
// tracked after the handler returned.
//
// It panics if t is nil.
func WithCoverage(t audit.Tracker, p *policy.Policy) Option {
	return func(c *config) { c.request.Coverage = request.NewCoverage(t, p) }
}

// CoverageError is the error that [WithCoverage] passes to the error handler.
type CoverageError = request.CoverageError

// WithTargetCheck reports route intents that succeed without a target to the error handler.
// Those of an audittest.Recorder are always reported. An intent that is about
// nothing in particular has a target with a type alone.
func WithTargetCheck() Option {
	return func(c *config) { c.request.CheckTargets = true }
}

// WithErrorHandler sets the function that receives errors which occur too late for the
// handler: those of route intents, denials, and signals that are recorded when the request
// ends. The context has the request's values and is not canceled with it. By default the
// errors are logged to slog.Default, without values.
func WithErrorHandler(f func(context.Context, error)) Option {
	return func(c *config) { c.request.ErrorHandler = f }
}
