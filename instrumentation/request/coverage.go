package request

import (
	"context"
	"fmt"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// Coverage checks whether requests recorded the events that they should. It is safe for
// concurrent use.
type Coverage struct {
	tracker audit.Tracker
	policy  *policy.Policy
	missing metric.Int64Counter
}

// NewCoverage returns a Coverage that reports requests which should have recorded an
// event and did not: in the metric audit.coverage.missing, to the error handler as a
// [*CoverageError], and as the signal "audit.coverage.missing", which t records.
//
// The first request rule of the policy that matches a successful request says whether it
// should have recorded an event. If none matches, or p is nil, it should have unless its
// method is safe: GET, HEAD, OPTIONS or TRACE, in capital letters, or the method of a remote
// procedure call that is declared to have no side effects.
//
// An intent of the request is the event that it should have recorded, and so is a signal
// about the target and the operation of the route. The target is the one that the handler
// set by audit.SetTarget. If it set none, "/articles/{id}" is about the article with that
// ID, and "/articles" about the one that is created. The operation follows from the method:
// update for PATCH, create or update for PUT, delete for DELETE, and any but a read for
// others. A signal about something else, such as a session that was touched, does not count.
// The name of a remote procedure call names no target: for its signals, the handler sets one.
//
// With sdk.WithGapRecords, the provider of t counts each request by its result, when the
// outermost middleware with coverage has seen it end.
//
// NewCoverage panics if t is nil.
func NewCoverage(t audit.Tracker, p *policy.Policy) *Coverage {
	return &Coverage{tracker: RequireTracker(t, "WithCoverage"), policy: p, missing: newMissingCounter()}
}

// newMissingCounter returns the counter of requests that recorded no event, from
// OpenTelemetry's global provider.
func newMissingCounter() metric.Int64Counter {
	counter, err := otel.Meter("github.com/opendeed/audit/instrumentation/request").Int64Counter("audit.coverage.missing",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that should have recorded an event and did not."))
	if err != nil {
		return noop.Int64Counter{} // requests are served regardless
	}
	return counter
}

// Verdict is the result of a coverage check.
type Verdict uint8

const (
	// VerdictNotRequired means that the request failed, or that no event is required of
	// it and none about it was recorded.
	VerdictNotRequired Verdict = iota
	// VerdictAudited means that an intent was recorded, or a signal about the target and
	// the operation of the route.
	VerdictAudited
	// VerdictExempt means that no such event was recorded and that a rule exempts the
	// request.
	VerdictExempt
	// VerdictMissing means that such an event is required and none was recorded.
	VerdictMissing
)

// String returns the verdict in words, e.g. "missing".
func (v Verdict) String() string {
	switch v {
	case VerdictNotRequired:
		return "not required"
	case VerdictAudited:
		return "audited"
	case VerdictExempt:
		return "exempt"
	case VerdictMissing:
		return "missing"
	}
	return "Verdict(" + strconv.Itoa(int(v)) + ")"
}

// CoverageResult is the result of checking one request.
type CoverageResult struct {
	Method    string
	Route     string // the pattern; empty if unknown
	Status    Status
	Verdict   Verdict
	Exemption string // why an exempt request need not record an event
}

// CoverageError reports a request that should have recorded an event and did not. It
// contains no values of the request.
type CoverageError struct {
	Method string // "_OTHER" if it is not one of HTTP's or WebDAV's; empty for a remote procedure call
	Route  string // the pattern, or the full name of the method; empty if unknown
}

// Error describes the error and how to fix it.
func (e *CoverageError) Error() string {
	route := e.Route
	if route == "" {
		route = "(unknown route)"
	}
	if e.Method != "" {
		route = e.Method + " " + route
	}
	return fmt.Sprintf("audit: %s succeeded but recorded no event; track an intent, or exempt the route with a policy rule", route)
}

// ContextWithCoverageObserver returns a context in which observe is called with the
// result of every coverage check, first that of the innermost middleware. It is for
// tests, such as those of package requesttest.
func ContextWithCoverageObserver(ctx context.Context, observe func(CoverageResult)) context.Context {
	return context.WithValue(ctx, coverageObserverKey{}, observe)
}

type coverageObserverKey struct{}

// check checks a request whose handler has ended.
func (c *Coverage) check(x *Exchange, r Result) {
	x.learnServedRoute()
	result := CoverageResult{Method: x.method, Route: x.route, Status: r.Status}
	required, exemption := c.rule(x)
	failed := r.Panicked || r.Status.Outcome != audit.OutcomeSuccess
	switch {
	case failed:
	case x.isAudited(func(*audit.Event) bool { return true }):
		result.Verdict = VerdictAudited
	case exemption != "":
		result.Verdict, result.Exemption = VerdictExempt, exemption
	case required:
		result.Verdict = VerdictMissing
	}
	c.count(x, result.Verdict, failed)
	if result.Verdict == VerdictMissing {
		c.reportMissing(x, r)
	}
	if observe, ok := x.carrier.Context.Value(coverageObserverKey{}).(func(CoverageResult)); ok {
		observe(result)
	}
}

// count counts a request that has ended.
func (c *Coverage) count(x *Exchange, v Verdict, failed bool) {
	if !x.isCounted() {
		return
	}
	as := plumbing.RequestNotRequired
	switch {
	case v == VerdictMissing || x.inner.isReported(): // an outer middleware need not report it again
		as = plumbing.RequestMissing
	case v == VerdictAudited:
		as = plumbing.RequestAudited
	case v == VerdictExempt:
		as = plumbing.RequestExempt
	case failed:
		as = plumbing.RequestFailed
	}
	plumbing.CountRequest(c.tracker, as)
}

// isCounted reports whether the exchange counts its request: that of the outermost middleware with
// coverage does.
func (x *Exchange) isCounted() bool {
	for outer := x.outer; outer != nil; outer = outer.outer {
		if outer.config.Coverage != nil {
			return false
		}
	}
	return x.config.Coverage != nil
}

// rule returns whether the request must record an event if it succeeds, or why it need
// not.
func (c *Coverage) rule(x *Exchange) (required bool, exemption string) {
	if required, exemption, matched := c.policy.Coverage(x.method, x.route, x.scope.Channel()); matched {
		return required, exemption
	}
	if x.system != "" {
		return !x.readOnly, ""
	}
	return x.method != "" && !isSafe(x.method), ""
}

// reportMissing reports a request that recorded no event.
func (c *Coverage) reportMissing(x *Exchange, r Result) {
	x.inner.setReported()
	method := knownMethod(x.method)
	attributes := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRouteKey.String(x.route)}
	if x.system != "" {
		attributes = []attribute.KeyValue{semconv.RPCSystemNameKey.String(x.system), semconv.RPCMethodKey.String(x.rpcMethod())}
	}
	c.missing.Add(x.ctx, 1, metric.WithAttributes(attributes...))
	x.handleError(&CoverageError{Method: method, Route: x.route})
	err := c.tracker.Track(x.ctx, audit.Event{
		Kind:     audit.KindSignal,
		Action:   semconv.ActionCoverageMissing,
		Outcome:  audit.OutcomeSuccess,
		Target:   x.target(),
		Metadata: r.Status.metadata(),
	})
	if err != nil {
		x.handleError(err)
	}
}
