package request

import (
	"context"
	"sync"

	"github.com/opendeed/audit"
)

// Call is a remote procedure call and how a framework serves it, seen by one interceptor:
// see [Exchange.ServeCall].
type Call struct {
	// Status returns the status that the client gets if err is the result of the call.
	Status func(err error) Status
	// Intent is the event of the method. nil stands for an interceptor, for which
	// [Exchange.Conclude] is called.
	Intent *MethodIntent
	// Unmet returns the error of a call whose handler must not run. err is an
	// *audit.UnmetError. It is needed with an Intent.
	Unmet func(err error) error
	// ClientStreams and ServerStreams say who sends a stream of messages.
	ClientStreams, ServerStreams bool

	exchange *Exchange
	failed   bool // the handler returned an error that is no success
	panicked bool

	mu       sync.Mutex
	received bool
	sent     bool
	rejected error // why no message reaches the handler
	attempt  *audit.Attempt
	ended    bool    // the handler has ended
	waiting  []*Call // inside this one, the outermost; their handlers have ended
}

// ServeCall runs the handler of a remote procedure call, records the result and ends the
// scope. It returns the handler's error, and a panic of the handler continues unchanged.
//
// Handler gets the context that carries the scope. It calls [Call.Received] for each message
// before it uses it, and [Call.Sending] before it sends one.
//
// An Exchange inside another call is concluded when the handler of the outermost one has
// ended, with the status of that: an interceptor between them may answer an error or a panic
// in another way.
func (x *Exchange) ServeCall(c *Call, handler func(context.Context) error) (err error) {
	c.exchange, x.call = x, c
	c.panicked = true
	defer func() { c.end(err) }()
	if c.Intent != nil {
		x.expect(c.Intent)
	}
	err = handler(x.ctx)
	c.panicked = false
	return err
}

// Received is called when a message has arrived, before the application gets it. If it
// returns an error, the application must not get the message: the policy requires a field
// that should have come from the first one.
//
// If the client sends a stream, the first message begins the event of the method as an
// attempt.
func (c *Call) Received(message any) error {
	if c.Intent == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.received || c.ended {
		return c.rejected
	}
	c.received = true
	if err := c.exchange.fill(c.Intent.supply(c.exchange, message)); err != nil {
		c.rejected = c.Unmet(err)
		return c.rejected
	}
	if c.ClientStreams {
		c.begin()
	}
	return nil
}

// Sending is called when the application sends a message, before the client gets it. If the
// server sends a stream, the first message begins the event of the method as an attempt.
func (c *Call) Sending() {
	if c.Intent == nil || !c.ServerStreams {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.sent && !c.ended {
		c.begin()
	}
	c.sent = true
}

// begin begins the event as an attempt unless that was done before. c.mu is held.
func (c *Call) begin() {
	if c.attempt == nil {
		c.attempt = c.exchange.begin(c.exchange.ctx, c.Intent.tracker, c.event())
	}
}

// event returns the event of the call.
func (c *Call) event() audit.Event { return c.Intent.eventOf(c.exchange, 0) }

// end is called when the handler has ended.
func (c *Call) end(err error) {
	var status Status
	if !c.panicked {
		status = c.Status(err)
		c.failed = status.Outcome != audit.OutcomeSuccess
	}
	outermost := c.outermost()
	if outermost != c && outermost.wait(c) {
		return
	}
	c.mu.Lock()
	c.ended = true
	waiting := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	if outermost != c || isGone(c.exchange.carrier.Context) {
		status = status.unsent() // an interceptor outside has answered, or the client has hung up
	}
	concludeCalls(append(waiting, c), status)
}

// outermost returns the outermost call that c is a part of.
func (c *Call) outermost() *Call {
	for outer := c.exchange.outer; outer != nil && outer.call != nil; outer = outer.outer {
		c = outer.call
	}
	return c
}

// wait makes the outermost call c conclude inner, whose handler has ended. It returns false if
// the handler of c has ended before.
func (c *Call) wait(inner *Call) bool {
	inner.mu.Lock()
	inner.ended = true
	inner.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.waiting = append(c.waiting, inner)
	return true
}

// LearnActor finds the actor of a call that was denied, so that an enclosing [Config.Denials]
// knows it. ctx is the context of the handler, which has what authentication put into it.
func LearnActor(ctx context.Context, s Status) {
	x, ok := ctx.Value(exchangeKey{}).(*Exchange)
	if ok && s.Outcome == audit.OutcomeDenied && x.recordsDenials() {
		x.findActor(ctx)
	}
}

// concludeCalls concludes each of calls, also if a function of the application panics.
func concludeCalls(calls []*Call, status Status) {
	if len(calls) == 0 {
		return
	}
	defer concludeCalls(calls[1:], status)
	calls[0].conclude(status)
}

// conclude records the result and ends the scope. An error of the handler that an
// interceptor outside answered as a success is a failure.
func (c *Call) conclude(status Status) {
	x := c.exchange
	defer x.End()
	r := Result{Status: status, Panicked: c.panicked, Failed: c.failed}
	switch {
	case c.Intent == nil:
		x.Conclude(r)
	case c.rejected != nil && c.failed && c.attempt == nil: // the rejection is on record
	default:
		_ = x.track(c.Intent.tracker, c.event(), r, c.attempt)
	}
}
