package audithttp

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
)

// Adapter is a handler that stands for the one of another web framework. An
// integration of that framework makes one for each request and hands it to the
// middleware, [Intent] or [IntentFunc] instead of a plain handler.
type Adapter interface {
	http.Handler

	// Route returns the pattern that the framework's router matched, or "" if it
	// is not known. It is called before ServeHTTP.
	Route() string

	// Actor returns how the actor of the request is found, or nil for as the options
	// of the middleware say. It is called before ServeHTTP; what it returns is called
	// when the first event needs the actor, with the context of that Track call, and
	// never after the request has ended.
	Actor() func(context.Context) (audit.Actor, error)

	// Settle is called where the status of the response is needed, when ServeHTTP
	// has returned. A framework whose handlers return errors brings the response
	// about here. It returns the request as the handler left it: what later
	// authentication put into its context is seen when a denial needs the actor.
	Settle() *http.Request
}

// destination is the handler behind a middleware or a route intent, and what it
// is beyond that.
type destination struct {
	handler http.Handler
	mux     *http.ServeMux // or nil
	adapter Adapter        // or nil
}

func newDestination(h http.Handler) destination {
	d := destination{handler: h}
	switch h := h.(type) {
	case *http.ServeMux:
		d.mux = h
	case Adapter:
		d.adapter = h
	}
	return d
}
