package audithttp

import "github.com/opendeed/audit/instrumentation/request"

// Routes returns the routes of patterns such as "PUT /articles/{id}", for
// requesttest.CheckCoverage. An http.ServeMux does not say which patterns it has: keep
// them in a list that both the mux and the test read.
//
//	for pattern, handler := range s.handlers {
//		mux.Handle(pattern, handler)
//	}
//	...
//	routes := audithttp.Routes(slices.Collect(maps.Keys(s.handlers))...)
func Routes(patterns ...string) []request.Route {
	routes := make([]request.Route, len(patterns))
	for i, pattern := range patterns {
		routes[i] = request.ParseRoute(pattern)
	}
	return routes
}
