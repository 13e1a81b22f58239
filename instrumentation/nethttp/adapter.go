package audithttp

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
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
	// Context returns ctx with what the router keeps in the context of r. ctx is that of a
	// Track call, maybe in a router that is a handler of this one, and what it keeps is that
	// router's. A function that finds an actor gets r with the result. By default that is ctx.
	Context func(ctx context.Context, r *http.Request) context.Context
	// Copy returns a request like r with copies of what the router uses again, or r itself if
	// the request can't be over before its handler. IntentFunc's function gets it once the
	// request is over.
	Copy func(w http.ResponseWriter, r *http.Request) *http.Request
	// Param returns a path parameter of r. By default it is http.Request.PathValue.
	Param func(r *http.Request, name string) string
	// Prepare changes how r is served, for a framework whose handlers return errors, or whose
	// writers differ from those of net/http.
	Prepare func(h *request.HTTP)
	// Reject returns the error of a handler that does not run because of err, for a framework
	// that answers what handlers return. text is for the client. By default the client gets
	// the status and the text. If the application answers by OnUnmet or OnNotBegun, Reject is
	// not called.
	Reject func(status int, text string, err error) error
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
	return a.intent(&intent{}, t, e, opts)
}

// IntentFunc is [IntentFunc] for the requests of a router, as a middleware of a route or a
// group of routes.
func (a *Adapter) IntentFunc(t audit.Tracker, event func(r *http.Request, status int) audit.Event, opts ...IntentOption) func(http.Handler) http.Handler {
	return a.intent(&intent{event: event}, t, audit.Event{}, opts)
}

func (a *Adapter) intent(i *intent, t audit.Tracker, e audit.Event, opts []IntentOption) func(http.Handler) http.Handler {
	i.scope, i.config = newConfig(a, nil), newIntentConfig(opts)
	i.fixed = i.config.newIntent(t, e)
	return func(next http.Handler) http.Handler {
		route := *i
		route.next = newDestination(next)
		return &route
	}
}

// serve serves a request in the scope of x.
func (a *Adapter) serve(x *request.Exchange, h *request.HTTP) {
	if a.Prepare != nil {
		a.Prepare(h)
	}
	_ = x.Serve(h) // the framework has the error
}

// param returns a path parameter of r.
func (a *Adapter) param(r *http.Request, name string) string {
	if a.Param == nil {
		return r.PathValue(name)
	}
	return a.Param(r, name)
}

// after returns the route that the handler found for the request that it got, or "".
func (a *Adapter) after(w http.ResponseWriter, r *http.Request) string {
	if a.IsOver != nil && a.IsOver(w, r) {
		return ""
	}
	return a.Route(r, nil)
}

// read calls find with r and the context of a Track call. It discards what may be another
// request's.
func (a *Adapter) read(ctx context.Context, w http.ResponseWriter, r *http.Request, find func(*http.Request) (audit.Actor, error)) (audit.Actor, error) {
	if a.Context != nil {
		ctx = a.Context(ctx, r)
	}
	if a.IsOver == nil {
		return find(r.WithContext(ctx))
	}
	if a.IsOver(w, r) {
		return audit.Actor{}, request.ErrOver
	}
	actor, err := find(r.WithContext(ctx))
	if a.IsOver(w, r) {
		return audit.Actor{}, request.ErrOver
	}
	return actor, err
}

// unlessOver returns a function that returns latest or, once the request is over, a copy
// of r that was made before.
func (a *Adapter) unlessOver(w http.ResponseWriter, r *http.Request, latest func() *http.Request) func() *http.Request {
	own := a.Copy(w, r)
	if own == r {
		return latest
	}
	return func() *http.Request {
		if a.IsOver(w, r) {
			return own
		}
		return latest()
	}
}
