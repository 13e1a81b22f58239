package audithttp

import (
	"net/http"
	"strings"
)

// route returns the route that r takes, or "" if that is not known ahead of the
// handler.
func (d *destination) route(c *config, r *http.Request) string {
	var pattern string
	switch {
	case c.route != nil:
		pattern = c.route(r)
	case d.adapter != nil:
		pattern = d.adapter.Route()
	case d.mux != nil:
		// A look-up that the ServeMux will do again, because the path must not be
		// recorded before it is known which part of it is a secret.
		_, pattern = d.mux.Handler(r)
	}
	if pattern == "" {
		pattern = r.Pattern // of a router further out
	}
	return pathPattern(pattern)
}

// pathPattern returns the pattern of a ServeMux without method and host.
func pathPattern(pattern string) string {
	return pattern[max(strings.IndexByte(pattern, '/'), 0):]
}
