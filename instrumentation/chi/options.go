package auditchi

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/policy"
	"go.opentelemetry.io/otel/attribute"
)

// Option configures the middleware.
type Option = audithttp.Option

// WithActor sets the function that finds the actor of a request: see [audithttp.WithActor].
// chi's route context in the request is that of the moment, so f sees the path parameters
// if the first event comes from the handler.
func WithActor(f func(*http.Request) (audit.Actor, error)) Option { return audithttp.WithActor(f) }

// WithOnBehalfOf sets the function that finds on whose behalf the actor of a request acts:
// see [audithttp.WithOnBehalfOf].
func WithOnBehalfOf(f func(r *http.Request, actor audit.Actor) (audit.Actor, error)) Option {
	return audithttp.WithOnBehalfOf(f)
}

// WithChannel sets how the requests reach the application, e.g. semconv.ChannelAPI.
func WithChannel(channel string) Option { return audithttp.WithChannel(channel) }

// WithFilter limits the middleware to the requests for which f returns true.
func WithFilter(f func(*http.Request) bool) Option { return audithttp.WithFilter(f) }

// WithRoute sets the function that finds the route of a request if another handler stands
// between the middleware and the router: see [audithttp.WithRoute].
func WithRoute(f func(*http.Request) string) Option { return audithttp.WithRoute(f) }

// WithTrustedProxies adds proxies whose X-Forwarded-For header is trusted: see
// [audithttp.WithTrustedProxies]. chi's middleware.RealIP, which trusts every client, is
// not needed, and neither is middleware.ClientIPFromXFF.
func WithTrustedProxies(proxies ...netip.Prefix) Option {
	return audithttp.WithTrustedProxies(proxies...)
}

// WithMetadata sets a function whose result is added to every event of a request: see
// [audithttp.WithMetadata].
func WithMetadata(f func(*http.Request) []attribute.KeyValue) Option {
	return audithttp.WithMetadata(f)
}

// WithDenials records denied requests that nothing else recorded: see
// [audithttp.WithDenials].
func WithDenials(t audit.Tracker) Option { return audithttp.WithDenials(t) }

// WithCoverage reports requests that should have recorded an event and did not: see
// [audithttp.WithCoverage].
func WithCoverage(t audit.Tracker, p *policy.Policy) Option { return audithttp.WithCoverage(t, p) }

// WithTargetCheck reports route intents that succeed without a target to the error handler:
// see [audithttp.WithTargetCheck].
func WithTargetCheck() Option { return audithttp.WithTargetCheck() }

// CoverageError is the error that [WithCoverage] passes to the error handler.
type CoverageError = audithttp.CoverageError

// WithErrorHandler sets the function that receives errors which occur too late for the
// handler: see [audithttp.WithErrorHandler].
func WithErrorHandler(f func(context.Context, error)) Option { return audithttp.WithErrorHandler(f) }
