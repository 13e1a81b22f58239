package audithttp

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
)

// exchange is a request within one middleware or route intent, which has a scope
// of its own. It is the context of that scope, so that those further in find it.
type exchange struct {
	context.Context // what came with the request

	request      *http.Request // carries the scope
	scope        *audit.Scope
	route        string          // as recorded, "" where it is not known
	path         string          // as recorded
	requestID    string          // as recorded, "" where there is none
	replaced     []attribute.Key // of an outer exchange, which knew less
	errorHandler func(context.Context, error)
}

type exchangeKey struct{}

// Value returns the exchange for its own key and asks the request for all others.
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

// open opens a scope for r. What the request says is added once: a second
// middleware, or a route intent inside one, adds only what is new. The scope of
// something else, such as a job around the server, is not mistaken for it.
func (c *config) open(w http.ResponseWriter, r *http.Request, d *destination) *exchange {
	route := d.route(c, r)
	x := &exchange{Context: r.Context(), errorHandler: c.errorHandler}
	metadata := make([]attribute.KeyValue, 0, maxRequestMetadata)
	if outer, ok := x.Context.Value(exchangeKey{}).(*exchange); ok {
		metadata = x.join(metadata, outer, w, r, route)
	} else {
		metadata = x.describe(metadata, c, w, r, route)
	}
	if c.metadata != nil {
		metadata = append(metadata, c.metadata(r)...)
	}

	opts := make([]audit.ScopeOption, 0, 4)
	if len(x.replaced) > 0 {
		opts = append(opts, audit.WithoutMetadata(x.replaced...))
	}
	if len(metadata) > 0 {
		opts = append(opts, audit.WithClientMetadata(metadata...))
	}
	if c.channel != nil {
		opts = append(opts, c.channel)
	}
	if actor := c.resolver(r, d); actor != nil {
		opts = append(opts, audit.WithActorFunc(actor))
	}
	ctx, scope := audit.NewScope(x, opts...)
	x.scope = scope
	x.request = r.WithContext(ctx)
	return x
}

// resolver returns how the actor of r is found, or nil.
func (c *config) resolver(r *http.Request, d *destination) func(context.Context) (audit.Actor, error) {
	var resolve func(context.Context) (audit.Actor, error)
	if d.adapter != nil {
		resolve = d.adapter.Actor()
	}
	// r and not the copy that carries the scope, which the handler may change while
	// another goroutine tracks.
	if resolve == nil && c.actor != nil {
		resolve = func(ctx context.Context) (audit.Actor, error) { return c.actor(r.WithContext(ctx)) }
	}
	if resolve == nil || c.onBehalfOf == nil {
		return resolve
	}
	return ActingFor(resolve, func(ctx context.Context, actor audit.Actor) (audit.Actor, error) {
		return c.onBehalfOf(r.WithContext(ctx), actor)
	})
}

// ending is how a handler ended.
type ending struct {
	ctx      context.Context // carries the scope
	status   int
	panicked bool
}

// conclusion is what is still to be tracked when the handler has ended.
type conclusion interface {
	conclude(*exchange, ending)
}

// serve runs the handler and ends the scope, panics included: without a recover,
// so that the panic goes on with its value and its stack. last, which may be nil,
// is called before the scope ends.
func (x *exchange) serve(w http.ResponseWriter, d *destination, last conclusion) {
	defer x.end()
	if last == nil {
		d.handler.ServeHTTP(w, x.request)
		return
	}
	var response response
	end := ending{ctx: x.request.Context(), panicked: true}
	defer func() {
		end.status = response.status(end.panicked)
		last.conclude(x, end)
	}()
	d.handler.ServeHTTP(response.watch(w), x.request)
	if d.adapter != nil {
		if ctx := d.adapter.Settle().Context(); audit.ScopeFromContext(ctx) == x.scope {
			end.ctx = ctx
		}
	}
	end.panicked = false
}

// end ends the scope. A client that has hung up takes nothing from the trail.
func (x *exchange) end() {
	if err := x.scope.End(context.WithoutCancel(x.Context)); err != nil {
		x.fail(err)
	}
}
