package audithttp

import (
	"errors"
	"net/http"

	"github.com/opendeed/audit"
)

// Adapter describes a router on net/http to its middleware and route intents, which are
// the same for every router. It is for authors of framework instrumentation, such as
// package auditchi. Each field may be nil, and then net/http is enough. An Adapter must
// not change while it is in use.
//
//	var gorilla = audithttp.Adapter{Route: func(r *http.Request, _ http.Handler) string {
//		if route := mux.CurrentRoute(r); route != nil {
//			pattern, _ := route.GetPathTemplate()
//			return pattern
//		}
//		return ""
//	}}
//
//	func Middleware(opts ...audithttp.Option) func(http.Handler) http.Handler {
//		return gorilla.Middleware(opts...)
//	}
type Adapter struct {
	// Route returns the pattern of the whole route that r matches, with parameters such as
	// {id} or :id, or "" if it is not known. next is the handler that the middleware
	// wraps. Route is called before the handler runs, since the path must not be recorded
	// before it is known which part of it is a secret. It is called again when the handler
	// has ended, with the request that the handler got and without next. By default the
	// route is that of http.Request.Pattern.
	Route func(r *http.Request, next http.Handler) string
	// IsOver reports whether what the router keeps in the context of r may belong to
	// another request by now, because the router uses its objects again and did not wait
	// for the handler. w and r are those that the middleware got. Functions of the
	// application are then not called, and what one has read meanwhile is discarded.
	IsOver func(w http.ResponseWriter, r *http.Request) bool
	// Copy returns a request like r with copies of what the router uses again. IntentFunc's
	// function gets it once the request is over.
	Copy func(r *http.Request) *http.Request
}

// serveMux is the Adapter of http.ServeMux.
var serveMux = Adapter{Route: func(r *http.Request, next http.Handler) string {
	mux, ok := next.(*http.ServeMux)
	if !ok {
		return ""
	}
	_, pattern := mux.Handler(r) // it will look it up again
	return pattern
}}

// Middleware is [Middleware] for the requests of a router.
func (a *Adapter) Middleware(opts ...Option) func(http.Handler) http.Handler {
	c := newConfig(a, opts)
	return func(next http.Handler) http.Handler {
		return &handler{config: c, next: newDestination(next)}
	}
}

// Intent is [Intent] for the requests of a router, as a middleware of a route or a group
// of routes.
func (a *Adapter) Intent(t audit.Tracker, e audit.Event, opts ...IntentOption) func(http.Handler) http.Handler {
	return a.intent(&intent{tracker: t, template: e}, opts)
}

// IntentFunc is [IntentFunc] for the requests of a router, as a middleware of a route or a
// group of routes.
func (a *Adapter) IntentFunc(t audit.Tracker, event func(r *http.Request, status int) audit.Event, opts ...IntentOption) func(http.Handler) http.Handler {
	return a.intent(&intent{tracker: t, event: event}, opts)
}

func (a *Adapter) intent(i *intent, opts []IntentOption) func(http.Handler) http.Handler {
	i.scope, i.config = newConfig(a, nil), newIntentConfig(opts)
	return func(next http.Handler) http.Handler {
		route := *i
		route.next = newDestination(next)
		return &route
	}
}

// after returns the route that the handler found for the request that it got, or "".
func (a *Adapter) after(w http.ResponseWriter, r *http.Request) string {
	if a.IsOver != nil && a.IsOver(w, r) {
		return ""
	}
	return a.Route(r, nil)
}

var errOver = errors.New("the request is over and its router may serve another; find the actor before the timeout")

// read calls find, which reads the request. It discards what may be another request's.
func (a *Adapter) read(w http.ResponseWriter, r *http.Request, find func() (audit.Actor, error)) (audit.Actor, error) {
	if a.IsOver == nil {
		return find()
	}
	if a.IsOver(w, r) {
		return audit.Actor{}, errOver
	}
	actor, err := find()
	if a.IsOver(w, r) {
		return audit.Actor{}, errOver
	}
	return actor, err
}

// unlessOver returns a function that returns latest or, once the request is over, a copy
// of r that was made before.
func (a *Adapter) unlessOver(w http.ResponseWriter, r *http.Request, latest func() *http.Request) func() *http.Request {
	own := r
	if a.Copy != nil {
		own = a.Copy(r)
	}
	return func() *http.Request {
		if a.IsOver(w, r) {
			return own
		}
		return latest()
	}
}
