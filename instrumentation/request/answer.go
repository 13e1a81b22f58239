package request

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// answer is the response to one request, from the handler until its header has left or the
// request is over. An Exchange inside another shares the answer of the outer one.
//
// An exchange whose handler has ended is finished once the status is known. If the header
// has not left by then, a middleware outside may still write one: the exchange waits.
type answer struct {
	owner    *Exchange           // the outermost exchange; it watches the writer
	response http.ResponseWriter // of the framework, which writes to the watched writer; may be nil
	watched  http.ResponseWriter
	below    http.ResponseWriter // that watched writes to
	request  context.Context     // of the request, as the owner got it
	timed    bool                // an http.TimeoutHandler drops what is written too late

	mu        sync.Mutex
	status    int  // the final one; 0 until its header leaves
	hijacked  bool // the handler writes the response itself
	streaming bool // something was flushed or the connection was hijacked
	gone      bool // the client had hung up when the header left, or when the owner's handler ended
	late      bool // the owner's handler has ended, and a header may still leave
	over      bool // nothing is known of the rest
	replaced  bool // the application answered in place of what is written: see Withheld
	streams   []*completion
	room      [1]*completion // for the first of streams
	waiting   []*completion
	stop      func() bool // stops waiting for the end of the request
}

// answerTo returns the answer that h writes: the outer exchange's, if h writes to its
// writer, or a new one, whose writer the exchange must watch.
func (x *Exchange) answerTo(h *HTTP) *answer {
	if x.outer != nil && x.outer.answer != nil && x.outer.answer.isBelow(h) {
		return x.outer.answer
	}
	if x.own == nil {
		x.own = new(answer)
	}
	a := x.own
	a.owner, a.response, a.request, a.timed = x, h.Response, h.Request.Context(), IsTimed(h.Writer)
	return a
}

// isBelow reports whether what h writes reaches the answer's writer.
func (a *answer) isBelow(h *HTTP) bool {
	w := h.Response
	if w == nil {
		w = h.Writer
	}
	for ; w != nil; w = unwrap(w) {
		if w == a.watched || w == a.response {
			return true
		}
	}
	return false
}

func unwrap(w http.ResponseWriter) http.ResponseWriter {
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return nil
}

// finish finishes c, whose handler has ended, now or when the status is known. It
// reports whether it did.
func (a *answer) finish(c *completion) (done bool) {
	a.mu.Lock()
	a.removeStream(c)
	owns := a.owner == c.exchange
	switch {
	case a.isKnown():
	case !owns:
		a.waiting = append(a.waiting, c)
		a.mu.Unlock()
		return false
	case a.canBeAnswered(c):
		a.waiting = append(a.waiting, c)
		a.gone = isGone(a.request)
		a.late = true
		waiting := a.waiting
		a.mu.Unlock()
		a.await(c, waiting)
		return false
	default:
		a.gone = isGone(a.request)
	}
	var waiting []*completion
	if owns {
		waiting, a.waiting, a.over = a.waiting, nil, true
	}
	a.mu.Unlock()
	if owns {
		defer a.replaceNothing(append(slices.Clip(waiting), c))
	}
	defer c.finish(a)      // also if a function of the application panics
	c.lateError = c.failed // its error is not what was answered
	for _, c := range waiting {
		c.lateError = c.failed
	}
	a.finishAll(waiting)
	return true
}

// canBeAnswered reports whether somebody outside may still answer the error or the panic of
// the owner's handler. a.mu is held.
func (a *answer) canBeAnswered(c *completion) bool {
	h := &c.exchange.http
	return (h.BeforeHeader != nil || h.Watch != nil) && (c.failed || c.panicked) && !a.isTimedOut()
}

// isKnown reports whether nothing can change the status any more. a.mu is held.
func (a *answer) isKnown() bool { return a.status != 0 || a.hijacked || a.over }

// maxHeaderWait is how long a header may take after a handler that returned an error or
// panicked, once the context of the request has ended: a middleware outside may have
// canceled it before somebody answers the error.
const maxHeaderWait = time.Second

// await prepares the completions in waiting for the end of the request, in case that no
// header leaves before. The framework uses its objects again then.
func (a *answer) await(c *completion, waiting []*completion) {
	defer a.awaitEnd(c) // also if a function of the application panics
	for _, w := range waiting {
		w.prepare()
	}
}

// awaitEnd abandons what waits when the request is over. c is the owner's completion.
func (a *answer) awaitEnd(c *completion) {
	wait := func() { a.stopBy(time.AfterFunc(maxHeaderWait, a.abandon).Stop) }
	if a.request.Done() == nil {
		wait()
		return
	}
	_, limited := a.request.Deadline()
	a.stopBy(context.AfterFunc(a.request, func() {
		if c.panicked && !limited {
			a.abandon() // the panic reached the server
			return
		}
		wait()
	}))
}

// stopBy sets how to stop waiting, and stops if the header has left meanwhile.
func (a *answer) stopBy(stop func() bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) == 0 {
		stop()
		return
	}
	a.stop = stop
}

// abandon finishes what waits without a status.
func (a *answer) abandon() {
	a.mu.Lock()
	waiting := a.waiting
	a.waiting, a.over = nil, true
	a.mu.Unlock()
	for _, c := range waiting {
		c.exchange.released.Store(true)
	}
	for _, c := range waiting {
		c.lateError = true
		c.finishAlone(a)
	}
}

// leaves is called before something is written to the response, whose header has the status
// if it has not left yet. It finishes what waits, so that the records are as safe as the
// provider promises before the client gets the answer. It returns false if nothing must be
// written, because another answer was.
func (a *answer) leaves(status int) bool {
	waiting, replaced := a.know(status)
	if len(waiting) == 0 {
		return !replaced
	}
	a.finishAll(waiting)
	return !a.replaces(waiting, status)
}

// leavesLate is leaves for a header that does not pass the watched writer.
func (a *answer) leavesLate(status int) {
	a.mu.Lock()
	late := a.late
	a.mu.Unlock()
	if late {
		waiting, _ := a.know(status)
		a.finishAll(waiting)
	}
}

// know sets the status of a header that leaves, if it is the first. It returns what waits
// for that, and whether another answer was written instead.
func (a *answer) know(status int) (waiting []*completion, replaced bool) {
	a.mu.Lock()
	if a.isKnown() || !isFinal(status) {
		replaced = a.replaced
		a.mu.Unlock()
		return nil, replaced
	}
	a.status = status
	if !a.late { // later a middleware outside may have canceled the context
		a.gone = isGone(a.request)
	}
	waiting, stop := a.waiting, a.stop
	a.waiting, a.stop = nil, nil
	a.mu.Unlock()
	if stop != nil {
		stop()
	}
	return waiting, false
}

// sendHeld sends what the handler of c wrote, if that was withheld, and finishes c when its
// header leaves.
func (a *answer) sendHeld(c *completion) {
	if c.held == nil {
		return
	}
	if c.held.isPending() {
		c.lateError = c.failed // its error is not what it answered
		a.mu.Lock()
		if !a.isKnown() {
			a.waiting = append(a.waiting, c)
		}
		a.mu.Unlock()
	}
	if c.sent != nil {
		defer c.sent() // also if a function of the application panics
	}
	c.held.send()
}

// finishAll finishes each of cs, also if a function of the application panics.
func (a *answer) finishAll(cs []*completion) {
	if len(cs) == 0 {
		return
	}
	defer a.finishAll(cs[1:])
	cs[0].finish(a)
}

// startStreams begins the attempts of the intents whose handlers are running: the response has
// turned out to be a stream, which may last.
func (a *answer) startStreams() {
	a.mu.Lock()
	a.streaming = true
	streams := a.streams
	a.streams = nil
	a.mu.Unlock()
	for _, c := range streams {
		c.begin(a)
	}
}

// expectStream adds the intent of a handler that may turn out to stream its response.
func (a *answer) expectStream(c *completion) {
	a.mu.Lock()
	if !a.streaming || a.over {
		if a.streams == nil {
			a.streams = a.room[:0]
		}
		a.streams = append(a.streams, c)
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	c.begin(a)
}

// removeStream removes c, whose handler has ended. a.mu is held.
func (a *answer) removeStream(c *completion) {
	for i, s := range a.streams {
		if s == c {
			a.streams = append(a.streams[:i:i], a.streams[i+1:]...)
			return
		}
	}
}

// result returns the status for c: what was sent, or what is known without it.
func (a *answer) result(c *completion) Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	status := a.status
	if status == 0 && !a.hijacked && !a.late && !c.panicked {
		status = a.pending()
	}
	switch {
	case status != 0 && (a.gone || a.isTimedOut()):
		return HTTPStatus(status).unsent()
	case status != 0:
		return HTTPStatus(status)
	case a.hijacked:
		return HTTPStatus(http.StatusSwitchingProtocols).unsent()
	case c.panicked, a.gone, a.late, a.isTimedOut():
		return Status{}
	}
	ok := HTTPStatus(http.StatusOK) // net/http sends it
	if !a.isOutermost() {
		return ok.unsent() // unless somebody outside sends another
	}
	return ok
}

// pending returns the status that the framework will send if nothing is written, or 0.
func (a *answer) pending() int {
	if f := a.owner.http.Pending; f != nil {
		return f()
	}
	return 0
}

// isOutermost reports whether nobody outside the owner can write a response after it.
func (a *answer) isOutermost() bool {
	self := a.owner.http.Self
	if self == nil {
		return false
	}
	server, ok := a.request.Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return true // a test calls the handler
	}
	outer := server.Handler
	if outer == nil {
		outer = http.DefaultServeMux
	}
	if mux, ok := outer.(*http.ServeMux); ok {
		outer, _ = mux.Handler(a.owner.http.Request)
	}
	return outer == self
}

// isTimedOut reports whether an http.TimeoutHandler has answered instead. It cancels the
// context in every case, but not before the handler has ended in time. a.mu is held.
func (a *answer) isTimedOut() bool { return a.timed && !a.late && a.request.Err() != nil }

// isUnwanted reports whether an http.TimeoutHandler has answered instead of a handler that
// is still running.
func (a *answer) isUnwanted() bool { return a.timed && a.request.Err() != nil }

// isFinal reports whether no other status follows.
func isFinal(status int) bool {
	return status >= http.StatusOK && status <= 999 || status == http.StatusSwitchingProtocols
}

// isGone reports whether the client has hung up, so that nobody gets an answer. A context
// that the application canceled with a cause of its own says nothing about the client.
func isGone(ctx context.Context) bool {
	return ctx.Err() != nil && context.Cause(ctx) == context.Canceled //nolint:errorlint // a cause that wraps it is the application's
}
