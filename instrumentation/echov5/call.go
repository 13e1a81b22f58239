package auditecho

import (
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v5"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request"
)

// adapter describes Echo to the middleware of net/http, which serves a request whose context
// has the call.
var adapter = audithttp.Adapter{
	Route:  func(r *http.Request, _ http.Handler) string { return callOf(r).c.Path() },
	Param:  func(r *http.Request, name string) string { return callOf(r).c.Param(name) },
	IsOver: func(_ http.ResponseWriter, r *http.Request) bool { return callOf(r).isOver() },
	Context: func(ctx context.Context, r *http.Request) context.Context {
		return context.WithValue(ctx, callKey{}, callOf(r))
	},
	Copy:    func(_ http.ResponseWriter, r *http.Request) *http.Request { return callOf(r).copyOf(r) },
	Prepare: func(h *request.HTTP) { callOf(h.Request).prepare(h) },
	Reject: func(status int, text string, err error) error {
		return echo.NewHTTPError(status, text).Wrap(err)
	},
}

// call is one call of a middleware or an intent by Echo.
type call struct {
	c        *echo.Context
	next     echo.HandlerFunc
	err      error          // of next
	response *echo.Response // nil if a middleware hides it behind a writer without Unwrap
	// token is the first call of the request. It is in c as long as c belongs to the
	// request.
	token *call
	// timeout is the context of the request if an http.TimeoutHandler serves it, and nil
	// otherwise. When it ends, the request is over for everybody but the handler.
	timeout context.Context
	outside state
	own     *http.Request // outside, with the call in its context
	inside  state         // what the handler gets; zero if the request is not audited
}

// state is what a context has of a request and its response.
type state struct {
	request *http.Request
	writer  http.ResponseWriter // to which the response writes
}

// callKey is the key of the call in the context of a request.
type callKey struct{}

// tokenKey is the key of the token in an echo.Context.
const tokenKey = "github.com/opendeed/audit/instrumentation/echov5"

// middlewareFunc returns a middleware that serves h, which calls the rest of the chain by
// next.
func middlewareFunc(h http.Handler) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error { return newCall(c, next).serve(h) }
	}
}

func newCall(c *echo.Context, next echo.HandlerFunc) *call {
	k := &call{c: c, next: next, outside: state{c.Request(), c.Response()}}
	if response, err := echo.UnwrapResponse(c.Response()); err == nil {
		k.response, k.outside.writer = response, response.ResponseWriter
	}
	if request.IsTimed(k.outside.writer) {
		k.timeout = k.outside.request.Context()
	}
	token, ok := c.Get(tokenKey).(*call)
	if !ok {
		token = k
		c.Set(tokenKey, token)
	}
	k.token = token
	return k
}

// next continues with the chain of the call.
var next http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
	k := callOf(r)
	if k.inside.request == nil {
		k.restore()
	}
	k.err = k.next(k.c)
})

func callOf(r *http.Request) *call {
	k, _ := r.Context().Value(callKey{}).(*call)
	return k
}

// restore gives the context its request back, with the form that a function of the
// application has read from the body.
func (k *call) restore() {
	r := k.outside.request
	r.Form, r.PostForm, r.MultipartForm = k.own.Form, k.own.PostForm, k.own.MultipartForm
	k.c.SetRequest(r)
}

// serve serves h. The context gets its own request and writer back, unless the handler left
// others. As long as an error or a panic waits for somebody to answer it, the context keeps
// the request, so that Echo's error handler is in the scope.
func (k *call) serve(h http.Handler) error {
	returned := false
	defer func() {
		if k.isOver() {
			return
		}
		if k.writer() == k.inside.writer {
			k.setWriter(k.outside.writer)
		}
		if answered := returned && k.err == nil || k.isCommitted(); answered && k.c.Request() == k.inside.request {
			k.c.SetRequest(k.outside.request)
		}
	}()
	k.own = k.outside.request.WithContext(context.WithValue(k.outside.request.Context(), callKey{}, k))
	k.c.SetRequest(k.own)
	h.ServeHTTP(k.outside.writer, k.own)
	returned = true
	return k.err
}

// prepare adds to h what Echo does differently.
func (k *call) prepare(h *request.HTTP) {
	serve := h.Handler
	h.Self = nil // somebody may answer for the handler
	h.Original = k.outside.request
	if k.response != nil {
		h.Response = k.response
		h.BeforeHeader = func(f func(status int)) { k.response.Before(func() { f(k.response.Status) }) }
	}
	h.Context = func() context.Context {
		if k.isOver() {
			return k.inside.request.Context()
		}
		return k.c.Request().Context()
	}
	h.Handler = func(w http.ResponseWriter, r *http.Request) error {
		k.inside = state{r, w}
		if !k.isOver() {
			k.c.SetRequest(r)
			k.setWriter(w)
		}
		if err := serve(w, r); err != nil {
			k.err = err
		}
		return k.err
	}
}

// writer returns the writer to which the handler's response goes.
func (k *call) writer() http.ResponseWriter {
	if k.response == nil {
		return k.c.Response()
	}
	return k.response.ResponseWriter
}

func (k *call) setWriter(w http.ResponseWriter) {
	if k.response == nil {
		k.c.SetResponse(w)
		return
	}
	k.response.ResponseWriter = w
}

// isCommitted reports whether the header of the response has left.
func (k *call) isCommitted() bool { return k.response != nil && k.response.Committed }

// isOver reports whether the context may belong to another request: Echo uses its contexts
// again when a request is over.
func (k *call) isOver() bool {
	return k.timeout != nil && k.timeout.Err() != nil || k.c.Get(tokenKey) != k.token
}

// copyOf returns r with a context of its own that has the path and its parameters, if the
// request can be over before its handler.
func (k *call) copyOf(r *http.Request) *http.Request {
	if k.timeout == nil {
		return r
	}
	own := &call{timeout: k.timeout}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, own))
	own.c = k.c.Echo().NewContext(r, discard{})
	own.c.SetPath(k.c.Path())
	own.c.SetPathValues(slices.Clone(k.c.PathValues()))
	return r
}

// discard is the writer of a response that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
