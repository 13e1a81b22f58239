package audithttp

import "net/http"

// destination is the handler that a middleware or a route intent wraps.
type destination struct {
	handler http.Handler
	serve   func(http.ResponseWriter, *http.Request) error // calls the handler, and returns no error
}

func newDestination(h http.Handler) destination {
	return destination{handler: h, serve: func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}}
}
