package audithttp

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Verdict says whether a request left the trace that it should have.
type Verdict uint8

const (
	// NotRequired means that no trace was asked for: nothing was to be changed, or the
	// request failed.
	NotRequired Verdict = iota
	// Audited means that an intent or a signal was tracked.
	Audited
	// Exempt means that there is no trace, and that a rule says why there need be none.
	Exempt
	// Missing means that there is no trace, and should be.
	Missing
)

// String returns a word for logs, e.g. "missing".
func (v Verdict) String() string {
	switch v {
	case NotRequired:
		return "not required"
	case Audited:
		return "audited"
	case Exempt:
		return "exempt"
	case Missing:
		return "missing"
	}
	return "Verdict(" + strconv.Itoa(int(v)) + ")"
}

// Coverage is what a middleware found out about one request.
type Coverage struct {
	Method string
	Route  string // the pattern, or "" where it is not known
	Status int
	Verdict
	Exemption string // why there need be no trace, of one that is exempt
}

// CoverageError says that a request left no trace and should have. It has no values of
// the request.
type CoverageError struct{ Method, Route string }

// Error returns a sentence for logs.
func (e *CoverageError) Error() string {
	route := e.Route
	if route == "" {
		route = "a route that is not known"
	}
	return fmt.Sprintf("audit: %s %s succeeded and left neither intent nor signal; state the intent, or exempt the route by a rule that says why",
		e.Method, route)
}

// WithCoverage reports requests that should have left a trace and left neither intent
// nor signal: in the metric audit.coverage.missing, to the error handler as a
// *CoverageError, and as the signal "audit.coverage.missing", tracked by t, whose actor
// is the request's, or unresolved.
//
// A request should leave a trace if it succeeds (a status below 400) and the policy's
// rules on coverage say so; where no rule does, if its method is POST, PUT, PATCH or
// DELETE. p may be nil. An exemption is a rule, with the reason in writing.
//
// What was tracked outside of the request's scope does not count, and neither does what
// was tracked after the handler returned.
func WithCoverage(t audit.Tracker, p *policy.Policy) Option {
	return func(c *config) { c.coverage = &coverage{tracker: t, policy: p, missing: newMissing()} }
}

// ContextWithCoverage has observe called with what each request turns out to be that is
// served within the context, by the middleware with WithCoverage that is furthest in. It
// is for tests, such as those of audittest.Coverage.
func ContextWithCoverage(ctx context.Context, observe func(Coverage)) context.Context {
	return context.WithValue(ctx, coverageKey{}, observe)
}

type coverageKey struct{}

// coverage judges requests.
type coverage struct {
	tracker audit.Tracker
	policy  *policy.Policy
	missing metric.Int64Counter
}

// conclude judges a request that has ended.
func (v *coverage) conclude(x *exchange, end ending) {
	x.learnLate()
	found := Coverage{Method: x.request.Method, Route: x.route, Status: end.status}
	required, exemption := v.rule(x)
	switch {
	case end.panicked || end.status >= http.StatusBadRequest:
	case x.scope.Tracked(""):
		found.Verdict = Audited
	case exemption != "":
		found.Verdict, found.Exemption = Exempt, exemption
	case required:
		found.Verdict = Missing
		v.report(x, &found)
	}
	if observe, ok := x.Value(coverageKey{}).(func(Coverage)); ok {
		observe(found)
	}
}

// rule returns whether a trace is required if the request succeeds, or why none is.
func (v *coverage) rule(x *exchange) (required bool, exemption string) {
	if required, exemption, matched := v.policy.Coverage(x.request.Method, x.route, x.scope.Channel()); matched {
		return required, exemption
	}
	switch x.request.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true, ""
	}
	return false, ""
}

func (v *coverage) report(x *exchange, found *Coverage) {
	ctx := x.request.Context()
	v.missing.Add(ctx, 1, metric.WithAttributes(
		semconv.HTTPRequestMethodKey.String(found.Method), semconv.HTTPRouteKey.String(found.Route)))
	x.fail(&CoverageError{Method: found.Method, Route: found.Route})
	e := audit.Event{
		Kind:     audit.KindSignal,
		Action:   semconv.ActionCoverageMissing,
		Outcome:  audit.OutcomeSuccess,
		Target:   x.scope.Target(),
		Metadata: []attribute.KeyValue{semconv.HTTPResponseStatusCodeKey.Int(found.Status)},
	}
	if e.Target == (audit.Target{}) && x.route != "" {
		e.Target = audit.Target{Type: "route", ID: x.route}
	}
	if err := v.tracker.Track(ctx, e); err != nil {
		x.fail(err)
	}
}
