package request

import "strings"

// Route is a route that a router knows, so that a test can check that each records an event:
// see package requesttest. A framework's package returns those of its router, in a function
// named Routes.
type Route struct {
	Method  string // or "" for every method
	Pattern string // as the middleware knows it, e.g. "/articles/{id}"
}

// ParseRoute returns the route of a pattern of http.ServeMux, such as "PUT /articles/{id}".
func ParseRoute(pattern string) Route {
	route := Route{Pattern: pathPattern(pattern)}
	if method, _, found := strings.Cut(pattern, " "); found {
		route.Method = method
	}
	return route
}

// Safe reports whether requests of the route only read, by their method. Such requests need
// record no event, unless a policy says so.
func (r Route) Safe() bool { return isSafe(r.Method) }
