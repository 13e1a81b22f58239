package request

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Exchange is one request and its response, seen by one middleware or one route intent,
// with a scope of its own. Its methods are called by the goroutine that serves the
// request.
type Exchange struct {
	config       *Config
	outer        *Exchange // encloses it; nil if it is the outermost
	carrier      carrier
	ctx          context.Context // carries the scope
	scope        audit.Scope
	method       string // at first as recorded; after Serve as the handler left it
	system       string // of an RPC; empty for other requests
	route        string // as recorded; empty if unknown
	path         string // as recorded
	requestID    string // as recorded; may be empty
	http         HTTP   // set by Serve
	served       *http.Request
	answer       *answer               // set by Serve
	call         *Call                 // set by ServeCall
	own          *answer               // the answer, if no outer exchange has it
	about        source                // knows the event of the route; nil if it has no intent
	status       [1]attribute.KeyValue // where the event's metadata is, if there is no more
	completion   completion
	ended        bool // when Serve returned
	readOnly     bool // declared of an RPC's method
	hasActorFunc bool
	released     atomic.Bool // the framework may use its objects for another request
	inner        innerState
	errorHandler func(context.Context, error)
	principal    principalFunc // finds on whose behalf actors of this and inner exchanges act
}

// carrier is the parent context of an Exchange's scope. It lets an inner Exchange find
// the outer one.
type carrier struct {
	context.Context // of the request as it arrived
	exchange        *Exchange
}

type exchangeKey struct{}

// Value returns the Exchange for its own key and the request's value for all others.
func (c *carrier) Value(key any) any {
	if key == (exchangeKey{}) {
		return c.exchange
	}
	return c.Context.Value(key)
}

// Open opens the scope of a request, whose context is ctx. Inside another Exchange of the
// same request it adds only what is new. Any other scope in ctx, such as that of a job that
// runs the server, becomes the parent of the new scope. The actor of what encloses an
// http.Server, such as its BaseContext, is not the request's.
//
// Open does not keep d. The caller must call [Exchange.End] or [Exchange.Serve].
func (c *Config) Open(ctx context.Context, d *Description) *Exchange {
	outer, isInner := ctx.Value(exchangeKey{}).(*Exchange)
	x := newExchange(isInner)
	x.config, x.method, x.system, x.readOnly, x.errorHandler = c, d.Method, d.System, d.ReadOnly, c.ErrorHandler
	x.carrier = carrier{Context: ctx, exchange: x}
	var few [8]audit.ScopeOption // enough for most requests
	opts := few[:0]
	if isInner {
		opts = x.join(opts, outer, d)
	} else {
		opts = x.describe(opts, d)
	}
	if x.isCounted() {
		plumbing.CountRequest(c.Coverage.tracker, plumbing.RequestSeen)
	}
	opts = append(opts, c.ScopeOptions...)
	opts = x.withActors(opts, d)
	x.ctx = inside.Audit.OpenScope(&x.carrier, &x.scope)
	_ = x.scope.Set(opts...) // a new scope has not ended
	if !isInner {
		inside.Audit.Expect(&x.scope, nil, (*author)(x))
	}
	return x
}

// newExchange returns an exchange. One that is not inside another has an answer of its own.
func newExchange(isInner bool) *Exchange {
	if isInner {
		return new(Exchange)
	}
	both := new(struct {
		exchange Exchange
		answer   answer
	})
	both.exchange.own = &both.answer
	return &both.exchange
}

// Context returns the context that carries the scope, for the handler.
func (x *Exchange) Context() context.Context { return x.ctx }

// Result is how the handler of a request ended.
type Result struct {
	// Context is the context as the handler left it. Values that later authentication
	// put into it are visible when a denial or a route intent needs the actor. It must
	// carry the scope of the Exchange; nil means [Exchange.Context].
	Context context.Context
	// Status is the status of the response. Without a Key it is not recorded: none was
	// sent, or it is not known.
	Status Status
	// Panicked says that the handler panicked.
	Panicked bool
	// Failed says that the handler failed although the status may say otherwise: it
	// returned an error after the response had begun, or one that nobody answered.
	Failed bool
}

// Finish records what is still missing when the handler has ended: a denial, and a
// missing event. See [Config].
func (x *Exchange) Finish(r Result) {
	if x.config.Denials != nil {
		x.recordDenial(r)
	}
	if x.config.Coverage != nil {
		x.config.Coverage.check(x, r)
	}
}

// End ends the scope. It waits for events in flight, even if the client has hung up.
func (x *Exchange) End() {
	if x.inner.isRunning() {
		x.FindActor() // an http.TimeoutHandler between them has not waited
	}
	if err := x.scope.End(x.carrier.Context); err != nil {
		x.handleError(err)
	}
	if x.outer != nil {
		x.outer.inner.end(x.inner.isReported(), x.handlerTarget())
	}
}

// findActorWait bounds an actor function that FindActor calls.
const findActorWait = 10 * time.Second

// FindActor finds the actor, which the scope keeps, while the framework's objects still
// belong to the request. An error is that of the first event that needs the actor.
func (x *Exchange) FindActor() { x.findActor(x.ctx) }

// findActor is FindActor with what later authentication put into ctx.
func (x *Exchange) findActor(ctx context.Context) {
	r, _ := plumbing.Resolve(ctx, &audit.Event{Kind: audit.KindIntent}, findActorWait)
	r.Done()
}

// isAudited reports whether the request recorded an event of its own: an intent, or a
// signal that counts and is about the target and the operation of the route. That there was
// a transaction is no such event.
//
// It waits for events that are being tracked, such as those in the queue of a database
// monitor, unless one of the others is enough.
func (x *Exchange) isAudited(counts func(signal *audit.Event) bool) bool {
	isOwn := x.ownEvent()
	audited := func() bool {
		return x.scope.Tracked(func(e *audit.Event) bool {
			return e.Kind == audit.KindIntent && e.Action != semconv.ActionUnitCommit || counts(e) && isOwn(e)
		})
	}
	if x.inner.isReported() || audited() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.carrier.Context), settleTimeout)
	defer cancel()
	_ = plumbing.Wait(ctx, &x.scope) // End reports that events are still being tracked
	return audited()
}

// settleTimeout bounds how long isAudited waits.
const settleTimeout = time.Minute

// contextOf returns the context for events that are tracked at the end.
func (x *Exchange) contextOf(r Result) context.Context {
	if r.Context != nil && audit.ScopeFromContext(r.Context) == &x.scope {
		return r.Context
	}
	return x.ctx
}

// handleError passes an error that no caller can receive to the error handler.
func (x *Exchange) handleError(err error) {
	handle := x.errorHandler
	if handle == nil {
		handle = logError
	}
	handle(context.WithoutCancel(x.carrier.Context), err)
}
