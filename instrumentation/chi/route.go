package auditchi

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"
	"github.com/opendeed/audit/instrumentation/request"
)

// routeOf returns the pattern of the route that r matches, or "". next is a router if the
// middleware wraps one.
func routeOf(r *http.Request, next http.Handler) string {
	c := chi.RouteContext(r.Context())
	if c == nil {
		routes, _ := next.(chi.Routes)
		return find(routes, r.Method, pathOf(r))
	}
	known := c.RoutePattern()
	if known != "" && !strings.HasSuffix(known, "*") {
		return known
	}
	method := cmp.Or(c.RouteMethod, r.Method)
	if known == "" {
		return find(c.Routes, method, cmp.Or(c.RoutePath, pathOf(r)))
	}
	if route := find(c.Routes, method, pathOf(r)); route != "" {
		return route
	}
	// Something has changed the path, as middleware.StripSlashes does.
	mounted := find(mountedRouter(c), method, cmp.Or(c.RoutePath, "/"))
	return strings.TrimSuffix(known, "/*") + mounted
}

// contexts are route contexts for lookups.
var contexts = sync.Pool{New: func() any { return chi.NewRouteContext() }}

// find returns the pattern of the route in routes, which may be nil, that the path matches.
func find(routes chi.Routes, method, path string) string {
	if routes == nil {
		return ""
	}
	c, _ := contexts.Get().(*chi.Context)
	defer contexts.Put(c)
	c.Reset()
	if routes.Find(c, method, path) == "" {
		return ""
	}
	return c.RoutePattern()
}

// mountedRouter returns the router below the mounts that c has passed, or nil.
func mountedRouter(c *chi.Context) chi.Routes {
	routes := c.Routes
	for _, pattern := range c.RoutePatterns {
		var below chi.Routes
		if routes != nil {
			for _, route := range routes.Routes() {
				if route.Pattern == pattern {
					below = route.SubRoutes
				}
			}
		}
		routes = below
	}
	return routes
}

// pathOf returns the path by which chi finds the route of r.
func pathOf(r *http.Request) string { return cmp.Or(r.URL.RawPath, r.URL.Path, "/") }

// isOver reports whether an http.TimeoutHandler inside the router has answered, so that the
// route context may be another request's.
func isOver(w http.ResponseWriter, r *http.Request) bool {
	return request.IsTimed(w) && r.Context().Err() != nil
}

// copyOf returns r with a copy of its route context, if an http.TimeoutHandler may answer.
func copyOf(w http.ResponseWriter, r *http.Request) *http.Request {
	c := chi.RouteContext(r.Context())
	if c == nil || !request.IsTimed(w) {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, c.Clone()))
}
