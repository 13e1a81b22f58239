package audithttp

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
)

// Middleware returns a middleware that opens an audit scope for each request and ends it
// when the handler has returned or panicked. A panic continues unchanged. The scope ends
// before the server finishes the response, and waits for events in flight.
func Middleware(opts ...Option) func(http.Handler) http.Handler {
	return serveMux.Middleware(opts...)
}

// handler is an http.Handler wrapped by the middleware.
type handler struct {
	config *config
	next   destination
}

// ServeHTTP serves the request in a scope.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.config.filter != nil && !h.config.filter(r) {
		h.next.handler.ServeHTTP(w, r)
		return
	}
	x := h.config.open(w, r, &h.next)
	description := x.HTTP()
	description.Request, description.Writer, description.Handler = r, w, h.next.serve
	description.Route, description.Self = h.config.routeAfter, h
	h.config.adapter.serve(x, description)
}

// open opens the scope of r.
func (c *config) open(w http.ResponseWriter, r *http.Request, next *destination) *request.Exchange {
	d := request.DescribeHTTP(w, r, c.routeOf(r, next))
	if c.metadata != nil {
		d.Metadata = c.metadata(r)
	}
	if c.actor != nil {
		d.Actor = func(ctx context.Context) (audit.Actor, error) {
			return c.adapter.read(ctx, w, r, c.actor)
		}
	}
	if c.onBehalfOf != nil {
		d.OnBehalfOf = func(ctx context.Context, actor audit.Actor) (audit.Actor, error) {
			return c.adapter.read(ctx, w, r, func(r *http.Request) (audit.Actor, error) { return c.onBehalfOf(r, actor) })
		}
	}
	return c.request.Open(r.Context(), &d)
}

// routeOf returns the pattern that r matches, or "" if it is not known before the handler
// runs.
func (c *config) routeOf(r *http.Request, next *destination) string {
	switch {
	case c.route != nil:
		return c.route(r)
	case c.adapter.Route != nil:
		return c.adapter.Route(r, next.handler)
	default:
		return ""
	}
}
