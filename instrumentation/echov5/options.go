package auditecho

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/policy"
	"go.opentelemetry.io/otel/attribute"
)

// Option configures the middleware.
type Option = audithttp.Option

// WithActor sets the function that finds the actor of a request: see [audithttp.WithActor].
// f gets the context of the handler, with what later authentication left by c.Set or in the
// context of c.Request. It is never called when the context may be another request's.
//
// The request is the latest that was set. To find the actor in the context of a Track call,
// use [audithttp.WithActor] itself: its options are those of this package.
func WithActor(f func(*echo.Context) (audit.Actor, error)) Option {
	return audithttp.WithActor(func(r *http.Request) (audit.Actor, error) { return f(callOf(r).c) })
}

// WithOnBehalfOf sets the function that finds on whose behalf the actor of a request acts:
// see [audithttp.WithOnBehalfOf]. f gets the context as that of [WithActor].
func WithOnBehalfOf(f func(c *echo.Context, actor audit.Actor) (audit.Actor, error)) Option {
	return audithttp.WithOnBehalfOf(func(r *http.Request, actor audit.Actor) (audit.Actor, error) {
		return f(callOf(r).c, actor)
	})
}

// WithChannel sets how the requests reach the application, e.g. semconv.ChannelAPI.
func WithChannel(channel string) Option { return audithttp.WithChannel(channel) }

// WithFilter limits the middleware to the requests for which f returns true.
func WithFilter(f func(*echo.Context) bool) Option {
	return audithttp.WithFilter(func(r *http.Request) bool { return f(callOf(r).c) })
}

// WithTrustedProxies adds proxies whose X-Forwarded-For header is trusted: see
// [audithttp.WithTrustedProxies]. Echo's IPExtractor is not used.
func WithTrustedProxies(proxies ...netip.Prefix) Option {
	return audithttp.WithTrustedProxies(proxies...)
}

// WithMetadata sets a function whose result is added to every event of a request: see
// [audithttp.WithMetadata].
func WithMetadata(f func(*echo.Context) []attribute.KeyValue) Option {
	return audithttp.WithMetadata(func(r *http.Request) []attribute.KeyValue { return f(callOf(r).c) })
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
