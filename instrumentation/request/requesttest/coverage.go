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
	Method string
	Route  string // the pattern, or the path of the request if that is unknown
	// Verdict is the worst of the requests: missing, then exempt, audited, not required.
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
// The result is sorted by route and method.
func CheckCoverage(tb testing.TB, handler http.Handler, requests []*http.Request) []RouteCoverage {
	tb.Helper()
	routes := map[string]*RouteCoverage{}
	for _, r := range requests {
		var results []request.CoverageResult
		ctx := request.ContextWithCoverageObserver(r.Context(), func(c request.CoverageResult) { results = append(results, c) })
		handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		if len(results) == 0 {
			tb.Errorf("requesttest: %s %s: no middleware checked the coverage of the request; use its option WithCoverage", r.Method, r.URL.Path)
			continue
		}
		result := results[0] // that of the innermost middleware
		addResult(routes, r, result)
		switch {
		case result.Status.Outcome != audit.OutcomeSuccess:
			tb.Errorf("requesttest: %s %s: the request failed with status %d, so it shows nothing", r.Method, r.URL.Path, result.Status.Code)
		case result.Verdict == request.VerdictMissing:
			tb.Errorf("requesttest: %s %s: the request recorded neither an intent nor a signal about its target", r.Method, r.URL.Path)
		}
	}
	sorted := make([]RouteCoverage, 0, len(routes))
	for _, c := range routes {
		sorted = append(sorted, *c)
	}
	slices.SortFunc(sorted, func(a, b RouteCoverage) int {
		return cmp.Or(strings.Compare(a.Route, b.Route), strings.Compare(a.Method, b.Method))
	})
	tb.Log("\n" + table(sorted))
	return sorted
}

// addResult adds the result of a request to its route.
func addResult(routes map[string]*RouteCoverage, r *http.Request, result request.CoverageResult) {
	route := cmp.Or(result.Route, r.URL.Path)
	key := result.Method + " " + route
	c := routes[key]
	if c == nil {
		c = &RouteCoverage{Method: result.Method, Route: route}
		routes[key] = c
	}
	c.Requests++
	if result.Verdict >= c.Verdict {
		c.Verdict, c.Exemption = result.Verdict, result.Exemption
	}
}

// table returns the routes in columns.
func table(routes []RouteCoverage) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, c := range routes {
		verdict := c.Verdict.String()
		if c.Exemption != "" {
			verdict += ": " + c.Exemption
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", c.Method, c.Route, verdict) // a Builder never fails
	}
	_ = w.Flush()
	return text.String()
}
