package audithttp

import "net/http"

// NewMiddleware returns a middleware that opens an audit scope for each request
// and ends it when the handler has returned or panicked. A panic goes on as it
// was. The scope ends before the server finishes the response: events in flight
// are waited for.
func NewMiddleware(opts ...Option) func(http.Handler) http.Handler {
	c := newConfig(opts)
	return func(next http.Handler) http.Handler {
		return &middleware{config: c, next: newDestination(next)}
	}
}

// middleware is one handler behind the middleware.
type middleware struct {
	config *config
	next   destination
}

// ServeHTTP serves the request within a scope.
func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := m.config
	if c.filter != nil && !c.filter(r) {
		m.next.handler.ServeHTTP(w, r)
		return
	}
	x := c.open(w, r, &m.next)
	if c.denials == nil && c.coverage == nil {
		x.serve(w, &m.next, nil)
	} else {
		x.serve(w, &m.next, c)
	}
}

// conclude tracks a refusal that nothing else recorded, and looks whether the request
// left the trace that it should have.
func (c *config) conclude(x *exchange, end ending) {
	if c.denials != nil {
		c.concludeDenial(x, end)
	}
	if c.coverage != nil {
		c.coverage.conclude(x, end)
	}
}
