package request

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/opendeed/audit"
)

// requestIDHeader is where a client, a proxy or another middleware identifies the
// request.
const requestIDHeader = "X-Request-Id"

// DescribeHTTP returns the description of r, whose response is written to w. route is the
// pattern that the framework's router matched; if it is empty, that of an outer
// http.ServeMux is used. The caller adds metadata and actor functions.
func DescribeHTTP(w http.ResponseWriter, r *http.Request, route string) Description {
	return Description{
		Method:       r.Method,
		Route:        pathPattern(cmp.Or(route, r.Pattern)),
		Path:         requestPath(r),
		RemoteAddr:   r.RemoteAddr,
		ForwardedFor: r.Header["X-Forwarded-For"],
		UserAgent:    r.UserAgent(),
		RequestID:    requestID(w, r),
	}
}

// HTTP is an HTTP request and how a framework serves it: see [Exchange.Serve].
type HTTP struct {
	Request *http.Request
	// Original gets back what the handler left in its copy of the request, such as the files
	// of a form, which the server removes. nil means Request.
	Original *http.Request
	// Writer is where the handler's response goes.
	Writer http.ResponseWriter
	// Response is the framework's own writer, which writes to Writer through the method
	// Unwrap. It is nil if the framework has none.
	Response http.ResponseWriter
	// Handler serves a copy of Request, whose context carries the scope. The writer is
	// Writer, or wraps it. If Handler returns an error, no response was written for it.
	Handler func(http.ResponseWriter, *http.Request) error
	// Route returns the route that Handler found, given Writer and the request that Handler
	// got, or "". It is called when the handler has ended. nil means that of
	// http.Request.Pattern.
	Route func(http.ResponseWriter, *http.Request) string
	// Context returns the context as the application's handler left it, or has it now (see
	// [Result]). nil means that of the request that Handler got.
	Context func() context.Context
	// BeforeHeader registers a function that the framework calls with the status of the
	// response just before its header leaves, even after Serve has returned. It is for
	// frameworks whose handlers return errors. nil means that Serve records the result when
	// the handler of the outermost Exchange has ended.
	BeforeHeader func(func(status int))
	// Watch returns a writer to Writer that reports to the Watcher, for frameworks whose
	// WriteHeader does not send the header yet. If the handler panics or returns an error,
	// the writer must remain that of the request, so that a middleware outside answers with
	// it: Serve waits for the header as with BeforeHeader. nil means that Serve wraps Writer.
	Watch func(http.ResponseWriter, Watcher) http.ResponseWriter
	// Flat returns a writer to w, which is Writer or wraps it, whose WriteHeader sends the
	// header. It is needed with Watch and an Intent whose answer is withheld. nil means w.
	Flat func(w http.ResponseWriter) http.ResponseWriter
	// Keep returns the framework's own writer for a handler whose answer is withheld. It writes
	// to held, which writes to w later, by Flat. sent is called when the handler has ended and
	// what was kept is sent; after that the writer must be like w. nil means held.
	Keep func(w, held http.ResponseWriter) (own http.ResponseWriter, sent func())
	// Pending returns the status that the framework will send if nothing is written, or 0 if
	// the handler has set none. It is called when the handler has ended. nil means 0.
	Pending func() int
	// Self is the handler that calls Serve, a pointer, if the framework is net/http. If the
	// server or its http.ServeMux calls it, nobody else answers for a handler that wrote
	// nothing, and the status is 200. nil means that somebody may.
	Self http.Handler
	// Intent is the event of the route. nil stands for a middleware, for which
	// [Exchange.Finish] is called.
	Intent *Intent
}

// Intent is the event of a route.
type Intent struct {
	Tracker audit.Tracker
	// Event returns the event, given the status of the response: 0 if none was sent, or
	// none is known yet. It is called when the status is known, and before that if the
	// response turns out to be a stream, or if an error waits for somebody to answer it. nil
	// means that of Template: see [Exchange.FromTemplate].
	Event    func(status int) audit.Event
	Template audit.Event
	// Withheld withholds the answer until the event is recorded: see [Exchange.Begin]. nil
	// means that nothing is withheld.
	Withheld *Withheld
}

// eventOf implements source.
func (i *Intent) eventOf(x *Exchange, status int) audit.Event {
	if i.Event == nil {
		return x.FromTemplate(i.Template)
	}
	return i.Event(status)
}

func (i *Intent) trackedBy() audit.Tracker { return i.Tracker }

// HTTP returns an empty description of the request and how it is served. A framework fills it
// in and passes it to [Exchange.Serve], which needs no copy of it then.
func (x *Exchange) HTTP() *HTTP { return &x.http }

// Served returns the request that the handler of [HTTP] got, or nil before it runs.
func (x *Exchange) Served() *http.Request { return x.served }

// Serve runs the handler of an HTTP request, records the result and ends the scope. It
// returns the handler's error, and a panic of the handler continues unchanged.
//
// What is recorded waits until the header of the response leaves, or the request is over
// without one: the handler of an inner Exchange may leave the response to a middleware
// outside. With BeforeHeader that may be after Serve has returned; the scope is open until
// then, and [Exchange.Ended] returns false. The actor is found before Serve returns.
//
// The first time that the response is flushed, or the connection hijacked, the event of the
// route is begun as an attempt. It is finished at the end.
func (x *Exchange) Serve(h *HTTP) (err error) {
	if h != &x.http {
		x.http = *h
		h = &x.http
	}
	x.served = h.Request.WithContext(x.ctx)
	x.answer = x.answerTo(h)
	w := h.Writer
	if x.answer.owner == x {
		w = x.answer.wrap(h)
		if h.BeforeHeader != nil {
			h.BeforeHeader(x.answer.leavesLate)
		}
	}
	c := &x.completion
	c.exchange, c.panicked = x, true
	switch {
	case h.Intent == nil:
	case h.Intent.Withheld != nil:
		c.withheld = h.Intent.Withheld
		w = c.hold(h, w)
	default:
		x.answer.expectStream(c)
	}
	defer func() {
		c.ctx = x.handlerContext()
		x.method = x.served.Method // the handler may have overridden it
		if h.Route != nil {
			x.learnRoute(pathPattern(h.Route(h.Writer, x.served)), requestPath(x.served))
		}
		x.learnServedRoute()
		c.failed = err != nil
		defer func() {
			if x.ended = x.answer.finish(c); !x.hasActorFunc {
				c.handBack() // an actor function may read the request until the scope ends
			}
		}()
		x.answer.sendHeld(c)
	}()
	err = h.Handler(w, x.served)
	c.panicked = false
	return err
}

// Ended reports whether the scope had ended when [Exchange.Serve] returned or panicked.
func (x *Exchange) Ended() bool { return x.ended }

// handlerContext returns the context of the application's handler.
func (x *Exchange) handlerContext() context.Context {
	if x.http.Context == nil {
		return x.served.Context()
	}
	return x.http.Context()
}

// learnServedRoute records a route that only the handler found.
func (x *Exchange) learnServedRoute() {
	if x.route == "" && x.served != nil {
		x.learnRoute(pathPattern(x.served.Pattern), requestPath(x.served))
	}
}

// requestID returns the ID of the request. The ID in the response comes first: this
// service set it, maybe to the client's ID if it trusts the client.
func requestID(w http.ResponseWriter, r *http.Request) string {
	if id := w.Header()[requestIDHeader]; len(id) > 0 && id[0] != "" {
		return id[0]
	}
	return r.Header.Get(requestIDHeader)
}

// requestPath returns the path without the query. It is as sent where that matters,
// because an escaped slash does not end a path parameter.
func requestPath(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.EscapedPath()
	}
	return r.URL.Path
}

// pathPattern returns the pattern of a ServeMux without its method and host.
func pathPattern(pattern string) string {
	return pattern[max(strings.IndexByte(pattern, '/'), 0):]
}
