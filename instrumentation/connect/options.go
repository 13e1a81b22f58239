package auditconnect

import (
	"context"
	"net/netip"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/policy"
	"go.opentelemetry.io/otel/attribute"
)

// Option configures the interceptor.
type Option func(*config)

// config holds the options of one interceptor. The zero value is that of Intents.
type config struct {
	request    request.Config
	actor      func(context.Context) (audit.Actor, error)
	onBehalfOf func(context.Context, audit.Actor) (audit.Actor, error)
	filter     func(context.Context, string) bool
	metadata   func(context.Context) []attribute.KeyValue
}

func newConfig(opts []Option) *config {
	c := &config{}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

// WithActor sets the function that finds the actor of a call, such as from a header
// ([RequestHeader]) or from what authentication left. f is called when the first event needs
// the actor, with the context of that Track call, and never after the call has ended.
//
// If f returns the zero actor, an enclosing interceptor is asked. Without one, the call has no
// actor: an intent then fails with audit.ErrNoActor. If f returns an error, Track returns it.
//
// Several goroutines of a call may call f, one at a time, until it succeeds. Authentication
// inside the interceptor can also set the actor itself, by audit.SetActor.
func WithActor(f func(context.Context) (audit.Actor, error)) Option {
	return func(c *config) { c.actor = f }
}

// WithOnBehalfOf sets the function that finds on whose behalf the actor of a call acts, for
// impersonation and delegation. f is called when the actor was found, under the same rules as
// the function of [WithActor], and returns the zero Actor if the actor acts for itself. It
// makes no difference who found the actor, or whether audit.SetActor set it. Of the functions
// of several interceptors the innermost that finds somebody counts.
//
// f must verify that the actor may act for the one it returns: a header that any client can
// send is not proof. If f returns an error, Track returns it, and nothing is recorded in the
// wrong name.
//
// f is not called for the actor of an event or of audit.ContextWithActor.
func WithOnBehalfOf(f func(ctx context.Context, actor audit.Actor) (audit.Actor, error)) Option {
	return func(c *config) { c.onBehalfOf = f }
}

// WithChannel sets how the calls reach the application, e.g. semconv.ChannelAPI.
func WithChannel(channel string) Option {
	return func(c *config) {
		c.request.ScopeOptions = append(c.request.ScopeOptions, audit.WithChannel(channel))
	}
}

// WithTenant sets the customer or organization of the events.
func WithTenant(tenant string) Option {
	return func(c *config) {
		c.request.ScopeOptions = append(c.request.ScopeOptions, audit.WithTenant(tenant))
	}
}

// WithFilter limits the interceptor to the calls for which f returns true. It ignores all
// others. procedure is its full name, such as "/grpc.health.v1.Health/Check".
func WithFilter(f func(ctx context.Context, procedure string) bool) Option {
	return func(c *config) { c.filter = f }
}

// WithTrustedProxies adds proxies whose X-Forwarded-For header is trusted. If the peer is
// one of them, the client is the last address in it that is not one. It is read from the
// right, up to that address or to the first entry that is not an address. By default no proxy
// is trusted, and the client is the peer.
//
// A proxy that connects over a Unix socket has no address and cannot be listed here; set
// semconv.ClientAddressKey by [WithMetadata].
func WithTrustedProxies(proxies ...netip.Prefix) Option {
	return func(c *config) { c.request.TrustedProxies.Add(proxies...) }
}

// WithMetadata sets a function whose result is added to every event of a call. f is called
// once for each call, before the handler. Its values are treated as text from a client: they
// are shortened like the others. A key that the interceptor sets itself is overridden, and the
// record keeps both values.
func WithMetadata(f func(context.Context) []attribute.KeyValue) Option {
	return func(c *config) { c.metadata = f }
}

// WithDenials records denied calls that nothing else recorded: a call that ends with
// permission_denied or unauthenticated and recorded no intent is recorded as "access.denied"
// with t. Its target is the one that was set by audit.SetTarget, or else the procedure, as a
// "route". Signals of what was done, such as a session that was touched, do not count.
//
// Its actor is the call's, or [audit.Anonymous] without one. If the actor cannot be found
// because of an error, it is anonymous too. After unauthenticated that is expected, since
// nobody has proved an identity. After permission_denied the record's reason says so, and the
// error handler gets the error.
//
// The actor is found with the context that the interceptor made, which does not contain what
// an inner interceptor put into its own, and with that of the handler if [Intents] are the last
// interceptor. Without them, authentication should set the actor by audit.SetActor.
//
// It panics if t is nil.
func WithDenials(t audit.Tracker) Option {
	return func(c *config) { c.request.Denials = request.RequireTracker(t, "auditconnect.WithDenials") }
}

// WithCoverage reports calls that should have recorded an event and did not: in the metric
// audit.coverage.missing, to the error handler as a [*CoverageError], and as the signal
// "audit.coverage.missing", tracked by t, whose actor is the call's or unresolved.
//
// The first request rule of p that matches a successful call says whether it should have
// recorded an event; its Routes are full names of procedures, and it has no Methods. If none
// matches, or p is nil, it should have unless its procedure is declared to have no side effects:
//
//	option idempotency_level = NO_SIDE_EFFECTS;
//
// So exempt the procedures that only read:
//
//	policy.Rule{Name: "reads", Routes: []string{"*/Get*", "*/List*", "/grpc.*"}, Exempt: "they change nothing"}
//
// An intent of the call is the event that it should have recorded. A signal is that event only
// if it is about the target that the handler set by audit.SetTarget, and no read.
//
// Events outside of the call's scope do not count, and neither do events that were tracked
// after the handler returned.
//
// It panics if t is nil.
func WithCoverage(t audit.Tracker, p *policy.Policy) Option {
	return func(c *config) { c.request.Coverage = request.NewCoverage(t, p) }
}

// CoverageError is the error that [WithCoverage] passes to the error handler. Its route is the
// full name of the procedure.
type CoverageError = request.CoverageError

// WithTargetCheck reports intents that succeed without a target to the error handler. Those of
// an audittest.Recorder are always reported. An intent that is about nothing in particular
// has a target with a type alone.
func WithTargetCheck() Option {
	return func(c *config) { c.request.CheckTargets = true }
}

// WithErrorHandler sets the function that receives errors which occur too late for the
// handler: those of intents, denials, and signals that are recorded when the call
// ends. The context has the call's values and is not canceled with it. By default the errors
// are logged to slog.Default, without values.
func WithErrorHandler(f func(context.Context, error)) Option {
	return func(c *config) { c.request.ErrorHandler = f }
}
