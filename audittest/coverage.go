package audittest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
)

// RouteCoverage is what requests have shown of a route.
type RouteCoverage struct {
	Method string
	Route  string // the pattern, or the path of the request where that is not known
	// Verdict is the worst of the requests': missing, exempt, audited, not required.
	Verdict   audithttp.Verdict
	Exemption string
	Requests  int
}

// Coverage sends the requests to the handler, one after the other, and logs a table of
// their routes: audited, exempt, missing. It fails tb where a request that should have
// left a trace left none, where one did not succeed, so that it shows nothing, and where
// no middleware with audithttp.WithCoverage judged one.
//
//	audittest.Coverage(t, handler, []*http.Request{
//		httptest.NewRequest("POST", "/articles", body),
//		httptest.NewRequest("DELETE", "/articles/1", nil),
//	})
//
// The routes are returned in the order of their names.
func Coverage(tb testing.TB, handler http.Handler, requests []*http.Request) []RouteCoverage {
	tb.Helper()
	routes := map[string]*RouteCoverage{}
	for _, r := range requests {
		var judged []audithttp.Coverage
		ctx := audithttp.ContextWithCoverage(r.Context(), func(c audithttp.Coverage) { judged = append(judged, c) })
		handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		if len(judged) == 0 {
			tb.Errorf("audittest: %s %s: no middleware with audithttp.WithCoverage has judged the request", r.Method, r.URL.Path)
			continue
		}
		found := judged[0] // of the middleware that is furthest in
		note(routes, r, found)
		switch {
		case found.Status >= http.StatusBadRequest:
			tb.Errorf("audittest: %s %s: the request failed with the status %d, and shows nothing", r.Method, r.URL.Path, found.Status)
		case found.Verdict == audithttp.Missing:
			tb.Errorf("audittest: %s %s: the request left neither intent nor signal", r.Method, r.URL.Path)
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

// note adds what a request has shown to its route.
func note(routes map[string]*RouteCoverage, r *http.Request, found audithttp.Coverage) {
	route := found.Route
	if route == "" {
		route = r.URL.Path
	}
	key := found.Method + " " + route
	c := routes[key]
	if c == nil {
		c = &RouteCoverage{Method: found.Method, Route: route}
		routes[key] = c
	}
	c.Requests++
	if found.Verdict >= c.Verdict {
		c.Verdict, c.Exemption = found.Verdict, found.Exemption
	}
}

func table(routes []RouteCoverage) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, c := range routes {
		verdict := c.Verdict.String()
		if c.Exemption != "" {
			verdict += ": " + c.Exemption
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", c.Method, c.Route, verdict) // to memory
	}
	_ = w.Flush()
	return text.String()
}
