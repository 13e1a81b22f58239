package requesttest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
)

// RouteCoverage is what the requests of one route recorded.
type RouteCoverage struct {
	Method string // or "" for every method
	Route  string // the pattern, or the path of the request if that is unknown
	// Verdict is the worst of the requests: missing, then exempt, audited, not required. Of a
	// route without requests it is missing, unless its method is safe.
	Verdict   request.Verdict
	Exemption string // why the route need not record an event
	Requests  int
}

// CheckCoverage sends the requests to handler, one after the other, and logs a table of
// their routes with their verdicts. handler must contain a middleware that checks
// coverage, such as audithttp.Middleware with audithttp.WithCoverage.
//
// tb fails if a request should have recorded an event and did not. It also fails if a
// request was not successful, since that shows nothing, or was not checked.
//
// routes are those that the router of handler knows, such as auditecho.Routes(e). tb fails if
// no request is one of such a route, so that a new route cannot be forgotten here. Routes
// whose method is safe, such as GET, are only listed.
//
// The result is sorted by route and method.
func CheckCoverage(tb testing.TB, handler http.Handler, requests []*http.Request, routes ...request.Route) []RouteCoverage {
	tb.Helper()
	covered := coverage{}
	for _, r := range requests {
		var results []request.CoverageResult
		ctx := request.ContextWithCoverageObserver(r.Context(), func(c request.CoverageResult) { results = append(results, c) })
		handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		if len(results) == 0 {
			tb.Errorf("requesttest: %s %s: no middleware checked the coverage of the request; use its option WithCoverage", r.Method, r.URL.Path)
			continue
		}
		result := results[0] // that of the innermost middleware
		covered.add(r, result)
		switch {
		case result.Status.Outcome != audit.OutcomeSuccess:
			tb.Errorf("requesttest: %s %s: the request failed with status %d, so it shows nothing", r.Method, r.URL.Path, result.Status.Code)
		case result.Verdict == request.VerdictMissing:
			tb.Errorf("requesttest: %s %s: the request recorded neither an intent nor a signal about its target", r.Method, r.URL.Path)
		}
	}
	covered.addUnrequested(routes)
	sorted := covered.sorted()
	for _, c := range sorted {
		if c.Requests == 0 && c.Verdict == request.VerdictMissing {
			tb.Errorf("requesttest: %s: no request is one of this route, so nothing shows that it records an event; add one", strings.TrimSpace(c.Method+" "+c.Route))
		}
	}
	tb.Log("\n" + table(sorted))
	return sorted
}

// coverage has the routes by method and pattern.
type coverage map[request.Route]*RouteCoverage

// add adds the result of a request to its route.
func (c coverage) add(r *http.Request, result request.CoverageResult) {
	key := request.Route{Method: result.Method, Pattern: cmp.Or(result.Route, r.URL.Path)}
	route := c[key]
	if route == nil {
		route = &RouteCoverage{Method: key.Method, Route: key.Pattern}
		c[key] = route
	}
	route.Requests++
	if result.Verdict >= route.Verdict {
		route.Verdict, route.Exemption = result.Verdict, result.Exemption
	}
}

// addUnrequested adds the routes that have no request. A route for every method has one if
// there is a request whose method is not safe.
func (c coverage) addUnrequested(routes []request.Route) {
	anyMethod := map[string]bool{}
	for key := range c {
		anyMethod[key.Pattern] = anyMethod[key.Pattern] || !key.Safe()
	}
	for _, key := range routes {
		if c[key] != nil || key.Method == "" && anyMethod[key.Pattern] {
			continue
		}
		c[key] = &RouteCoverage{Method: key.Method, Route: key.Pattern, Verdict: request.VerdictMissing}
		if key.Safe() {
			c[key].Verdict = request.VerdictNotRequired
		}
	}
}

func (c coverage) sorted() []RouteCoverage {
	sorted := make([]RouteCoverage, 0, len(c))
	for _, route := range c {
		sorted = append(sorted, *route)
	}
	slices.SortFunc(sorted, func(a, b RouteCoverage) int {
		return cmp.Or(strings.Compare(a.Route, b.Route), strings.Compare(a.Method, b.Method))
	})
	return sorted
}

// table returns the routes in columns.
func table(routes []RouteCoverage) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, c := range routes {
		verdict := c.Verdict.String()
		if c.Requests == 0 {
			verdict = "no request"
		}
		if c.Exemption != "" {
			verdict += ": " + c.Exemption
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", cmp.Or(c.Method, "*"), c.Route, verdict) // a Builder never fails
	}
	_ = w.Flush()
	return text.String()
}
