package audithttp

import "net/http"

// destination is the handler that a middleware or a route intent wraps.
type destination struct {
	handler http.Handler
	mux     *http.ServeMux                                 // handler, if it is one
	serve   func(http.ResponseWriter, *http.Request) error // calls the handler, and returns no error
}

func newDestination(h http.Handler) destination {
	mux, _ := h.(*http.ServeMux)
	return destination{handler: h, mux: mux, serve: func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}}
}

// routeOf returns the pattern that r matches, or "" if it is not known before the handler
// runs.
func (c *config) routeOf(r *http.Request, next *destination) string {
	if c.route != nil {
		return c.route(r)
	}
	if next.mux != nil {
		// The ServeMux will look it up again. But the path must not be recorded before
		// it is known which part of it is a secret.
		_, pattern := next.mux.Handler(r)
		return pattern
	}
	return ""
}
