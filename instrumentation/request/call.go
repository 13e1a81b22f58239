package request

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/opendeed/audit"
)

// Call is a remote procedure call and how a framework serves it, seen by one interceptor:
// see [Exchange.ServeCall].
type Call struct {
	// Status returns the status that the client gets if err is the result of the call.
	Status func(err error) Status
	// Intent is the event of the method. nil stands for an interceptor, for which
	// [Exchange.Finish] is called.
	Intent *MethodIntent
	// Rejected returns the error of a call whose handler must not run. err is an
	// *audit.UnmetError or a [*NotBegunError], for which the error is [NotBegunText]. It is
	// needed with an Intent.
	Rejected func(err error) error
	// ClientStreams and ServerStreams say who sends a stream of messages.
	ClientStreams, ServerStreams bool

	exchange   *Exchange
	failed     bool // the handler returned an error that is no success
	panicked   bool
	replaced   bool         // the result, by an error
	message    atomic.Value // the first; nil before it arrives
	unrecorded error        // why the outcome is not on record

	mu       sync.Mutex
	received bool
	sent     bool
	rejected error // why no message reaches the handler
	attempt  *audit.Attempt
	ended    bool    // the handler has ended
	waiting  []*Call // inside this one, the outermost; their handlers have ended
}

// ServeCall runs the handler of a remote procedure call, records the result and ends the
// scope. It returns the handler's error, or that of [OnUnrecorded], and a panic of the handler
// continues unchanged.
//
// Handler gets the context that carries the scope. It calls [Call.Received] for each message
// before it uses it, and [Call.Sending] before it sends one.
//
// An Exchange inside another call is finished when the handler of the outermost one has
// ended, with the status of that: an interceptor between them may answer an error or a panic
// in another way.
func (x *Exchange) ServeCall(c *Call, handler func(context.Context) error) (err error) {
	c.exchange, x.call = x, c
	c.panicked = true
	defer func() {
		if instead := c.end(err); instead != nil {
			err, c.replaced = instead, true
		}
	}()
	if c.Intent != nil {
		x.expect(c.Intent)
	}
	err = handler(x.ctx)
	c.panicked = false
	return err
}

// Replaced reports whether the error that [Exchange.ServeCall] returned is in place of the
// handler's result: see [OnUnrecorded].
func (c *Call) Replaced() bool { return c.replaced }

// Received is called when a message has arrived, before the application gets it. If it
// returns an error, the application must not get the message: the policy requires a field
// that should have come from the first one, or the event of a withheld result could not be
// begun.
//
// If the client sends a stream, or the result is withheld, the first message begins the event
// of the method as an attempt.
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
	if message != nil {
		c.message.Store(message)
	}
	if err := c.exchange.fill(c.Intent.supply(c.exchange, message)); err != nil {
		c.rejected = c.Rejected(err)
		return c.rejected
	}
	switch {
	case c.Intent.withheld:
		return c.beginWithheld()
	case c.ClientStreams:
		c.begin()
	}
	return nil
}

// Sending is called when the application sends a message, before the client gets it. If the
// server sends a stream, the first message begins the event of the method as an attempt. If
// Sending returns an error, the message must not be sent: the event of a withheld result could
// not be begun.
func (c *Call) Sending() error {
	if c.Intent == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent || c.ended {
		return c.notBegun()
	}
	c.sent = true
	switch {
	case c.Intent.withheld:
		return c.beginWithheld()
	case c.ServerStreams:
		c.begin()
	}
	return nil
}

// begin begins the event as an attempt unless that was done before. c.mu is held.
func (c *Call) begin() {
	if c.attempt == nil {
		c.attempt = c.exchange.begin(c.exchange.ctx, c.Intent.tracker, c.event(rpcOK))
	}
}

// beginWithheld is begin for a withheld result. If it returns an error, which is that of every
// later message too, the application must do nothing. c.mu is held.
func (c *Call) beginWithheld() error {
	if c.attempt != nil || c.rejected != nil {
		return c.rejected
	}
	var err error
	c.attempt, err = c.exchange.beginFirst(c.Intent)
	if notBegun, ok := errors.AsType[*NotBegunError](err); ok && c.Intent.notBegun != nil {
		c.rejected = c.Intent.notBegun(c.exchange.ctx, notBegun.Err)
	}
	if err != nil && c.rejected == nil {
		c.rejected = c.Rejected(err)
	}
	return c.rejected
}

// notBegun returns why the event of a withheld result was not begun. c.mu is held.
func (c *Call) notBegun() error {
	if !c.Intent.withheld {
		return nil
	}
	return c.rejected
}

// event returns the event of the call. code is that of its status.
func (c *Call) event(code int) audit.Event {
	return c.Intent.eventOf(c.exchange, code)
}

// end is called when the handler has ended. It returns the error that the client must get
// instead of the result, or nil.
func (c *Call) end(err error) error {
	status := Status{Code: rpcUnknown} // after a panic
	if !c.panicked {
		status = c.Status(err)
		c.failed = status.Outcome != audit.OutcomeSuccess
	}
	outermost := c.outermost()
	if outermost != c && outermost.wait(c) {
		return nil
	}
	c.mu.Lock()
	c.ended = true
	calls := append(slices.Clip(c.waiting), c)
	c.waiting = nil
	c.mu.Unlock()
	code := status.Code
	if outermost != c || isGone(c.exchange.carrier.Context) {
		status = status.unsent() // an interceptor outside has answered, or the client has hung up
	}
	finishCalls(calls, status, code)
	if c.panicked {
		return nil
	}
	return replaceResult(calls, code)
}

// replaceResult lets the applications return an error for the first of calls, which have been
// finished, whose record failed. code is that of the result.
func replaceResult(calls []*Call, code int) error {
	for _, c := range calls {
		if c.unrecorded == nil || c.panicked || !c.Intent.withheld || c.Intent.unrecorded == nil {
			continue
		}
		if err := c.Intent.unrecorded(c.exchange.ctx, c.unrecorded, code); err != nil {
			return err
		}
	}
	return nil
}

// outermost returns the outermost call that c is a part of.
func (c *Call) outermost() *Call {
	for outer := c.exchange.outer; outer != nil && outer.call != nil; outer = outer.outer {
		c = outer.call
	}
	return c
}

// wait makes the outermost call c finish inner, whose handler has ended. It returns false if
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

// finishCalls finishes each of calls, also if a function of the application panics.
func finishCalls(calls []*Call, status Status, code int) {
	if len(calls) == 0 {
		return
	}
	defer finishCalls(calls[1:], status, code)
	calls[0].finish(status, code)
}

// finish records the result and ends the scope. code is that of the result, also if nobody
// was sent it. An error of the handler that an interceptor outside answered as a success is a
// failure.
func (c *Call) finish(status Status, code int) {
	x := c.exchange
	defer x.End()
	r := Result{Status: status, Panicked: c.panicked, Failed: c.failed}
	switch {
	case c.Intent == nil:
		x.Finish(r)
	case c.rejected != nil && c.failed && c.attempt == nil: // the rejection is on record
	default:
		c.unrecorded = x.track(c.Intent.tracker, c.event(code), r, c.attempt)
	}
}
