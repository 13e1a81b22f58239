package request

import (
	"cmp"
	"context"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/panics"
)

// completion is what remains to be done for an exchange whose handler has ended.
type completion struct {
	exchange *Exchange

	ctx        context.Context // as the handler left it
	panicked   bool
	failed     bool // the handler returned an error
	lateError  bool // the error is not what the status says
	handedBack bool

	attempt *audit.Attempt // of a stream or a withheld answer; nil if none was begun
	last    *audit.Event   // the route's event, for the case that no status is ever known

	withheld   *Withheld // nil if the answer is not withheld
	held       *heldAnswer
	sent       func() // called when held is sent; may be nil
	finished   bool
	unrecorded error // why the outcome is not on record
}

// begin records the start of the route's event, whose handler may run for long.
func (c *completion) begin(a *answer) {
	x := c.exchange
	ctx := x.contextOf(Result{Context: x.handlerContext()})
	c.attempt = x.begin(ctx, x.http.Intent.Tracker, x.http.Intent.eventOf(x, a.result(c).Code))
}

// begin records that e, the event of a route, was begun. It returns nil if the handler has
// recorded the event, or if that fails: the whole event is then recorded at the end.
func (x *Exchange) begin(ctx context.Context, t audit.Tracker, e audit.Event) *audit.Attempt {
	attempt, err := x.tryBegin(ctx, t, e)
	if err != nil {
		x.handleError(err)
	}
	return attempt
}

// tryBegin records that e, the event of a route, was begun, unless the handler has recorded
// the event.
func (x *Exchange) tryBegin(ctx context.Context, t audit.Tracker, e audit.Event) (*audit.Attempt, error) {
	e.ID, e.Kind, e.Outcome = audit.ID{}, audit.KindIntent, audit.OutcomeUnknown
	said := x.said()
	if e.Target == (audit.Target{}) {
		e.Target = said.Target
	}
	e.Reason = cmp.Or(e.Reason, said.Reason)
	if x.isRecorded(&e) {
		return nil, nil
	}
	return audit.Begin(ctx, t, e)
}

// prepare finds what the route's event needs of the framework's objects, which cannot be
// used after the request.
func (c *completion) prepare() {
	if c.exchange.http.Intent == nil {
		return
	}
	last := c.exchange.http.Intent.eventOf(c.exchange, 0)
	c.last = &last
	if c.last.Actor.IsZero() {
		c.exchange.findActor(c.exchange.contextOf(Result{Context: c.ctx}))
	}
}

// finish records what the result says and ends the scope, also if a function of the
// application panics. Only the first call has an effect.
func (c *completion) finish(a *answer) {
	if c.finished {
		return
	}
	c.finished = true
	x := c.exchange
	defer func() {
		x.End()
		if !x.released.Load() {
			c.handBack()
		}
	}()
	r := Result{Context: c.ctx, Status: a.result(c), Panicked: c.panicked, Failed: c.lateError}
	switch intent, over := x.http.Intent, x.released.Load(); {
	case intent == nil:
		x.Finish(r)
	case over:
		c.unrecorded = x.track(intent.Tracker, *c.last, r, c.attempt)
	default:
		c.unrecorded = x.track(intent.Tracker, intent.eventOf(x, r.Status.Code), r, c.attempt)
	}
}

// finishAlone is finish on a goroutine of its own, where a panic would end the process.
func (c *completion) finishAlone(a *answer) {
	defer func() {
		if p := recover(); p != nil {
			logError(context.WithoutCancel(c.ctx), panics.Error(p))
		}
	}()
	c.finish(a)
}

// handBack gives the caller's request what the handler left in its copy, such as the
// pattern that a router found and the files of a form, which the server removes.
func (c *completion) handBack() {
	to, from := cmp.Or(c.exchange.http.Original, c.exchange.http.Request), c.exchange.served
	if c.handedBack {
		return
	}
	c.handedBack = true
	replaced := from.Context() != c.exchange.ctx // in place
	if !replaced && to.Pattern == from.Pattern && to.Method == from.Method && to.URL == from.URL &&
		to.Form == nil && from.Form == nil && to.MultipartForm == from.MultipartForm {
		return // nothing that outlives the handler
	}
	ctx := to.Context()
	if replaced {
		ctx = from.Context()
	}
	*to = *from.WithContext(ctx)
}
