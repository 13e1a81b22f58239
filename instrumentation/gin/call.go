package auditgin

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request"
)

// adapter describes gin to the middleware of net/http, which serves a request whose context
// has the call.
var adapter = audithttp.Adapter{
	Route:  func(r *http.Request, _ http.Handler) string { return callOf(r).c.FullPath() },
	Param:  func(r *http.Request, name string) string { return callOf(r).c.Param(name) },
	IsOver: func(_ http.ResponseWriter, r *http.Request) bool { return callOf(r).isOver() },
	Context: func(ctx context.Context, r *http.Request) context.Context {
		return context.WithValue(ctx, callKey{}, callOf(r))
	},
	Copy:    func(_ http.ResponseWriter, r *http.Request) *http.Request { return callOf(r).copyOf(r) },
	Prepare: func(h *request.HTTP) { callOf(h.Request).prepare(h) },
}

// call is one call of a middleware or an intent by gin.
type call struct {
	c *gin.Context
	// token is the first call of the request. It is in c as long as c belongs to the
	// request.
	token   *call
	outside state
	own     *http.Request // outside, with the call in its context
	inside  state         // what the handler gets; zero if the request is not audited
	errors  int           // how many c.Errors had before
	ran     bool          // the rest of the chain
}

// state is what a context has of a request and its response.
type state struct {
	request *http.Request
	writer  gin.ResponseWriter
}

type (
	callKey  struct{} // of the call in the context of a request
	tokenKey struct{} // of the token in a gin.Context
)

// handlerFunc returns a gin.HandlerFunc that serves h, which calls the rest of the chain by
// next.
func handlerFunc(h http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		k := &call{c: c, outside: state{c.Request, c.Writer}, errors: len(c.Errors)}
		token, ok := c.Get(tokenKey{})
		if !ok {
			token = k
			c.Set(tokenKey{}, token)
		}
		k.token, _ = token.(*call)
		k.serve(h)
	}
}

// next continues with the chain of the call.
var next http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
	k := callOf(r)
	k.ran = true
	if k.inside.request == nil {
		k.restore()
	}
	k.c.Next()
})

func callOf(r *http.Request) *call {
	k, _ := r.Context().Value(callKey{}).(*call)
	return k
}

// restore gives the context its request back, with the form that a function of the
// application has read from the body.
func (k *call) restore() {
	k.c.Request = k.outside.request
	k.c.Request.Form, k.c.Request.PostForm, k.c.Request.MultipartForm = k.own.Form, k.own.PostForm, k.own.MultipartForm
}

// serve serves h. The context gets its own request and writer back, unless the handler left
// others, or an error or a panic waits for its answer. If h answered itself, the rest of
// the chain does not run.
func (k *call) serve(h http.Handler) {
	returned := false
	defer func() {
		if k.isOver() || !returned || k.err() != nil {
			return
		}
		if k.c.Writer == k.inside.writer {
			k.c.Writer = k.outside.writer
		}
		if k.c.Request == k.inside.request {
			k.c.Request = k.outside.request
		}
	}()
	k.own = k.outside.request.WithContext(context.WithValue(k.outside.request.Context(), callKey{}, k))
	k.c.Request = k.own
	h.ServeHTTP(k.outside.writer, k.own)
	returned = true
	if !k.ran {
		k.c.Abort()
	}
}

// prepare adds to h what gin does differently.
func (k *call) prepare(h *request.HTTP) {
	serve := h.Handler
	h.Self = nil // somebody may answer for the handler
	h.Original = k.outside.request
	h.Watch = func(_ http.ResponseWriter, watcher request.Watcher) http.ResponseWriter {
		return &writer{ResponseWriter: k.outside.writer, watcher: watcher}
	}
	h.Flat = func(w http.ResponseWriter) http.ResponseWriter {
		below, _ := w.(gin.ResponseWriter)
		return flat{below}
	}
	h.Keep = func(w, held http.ResponseWriter) (http.ResponseWriter, func()) {
		below, _ := w.(gin.ResponseWriter)
		own := keep(below, held)
		return own, own.sent
	}
	h.Pending = func() int {
		if k.isOver() {
			return 0
		}
		return pending(k.c.Writer)
	}
	h.Context = func() context.Context {
		if k.isOver() {
			return k.inside.request.Context()
		}
		return k.c.Request.Context()
	}
	h.Handler = func(w http.ResponseWriter, r *http.Request) error {
		k.inside.request = r
		k.inside.writer, _ = w.(gin.ResponseWriter)
		k.c.Request, k.c.Writer = k.inside.request, k.inside.writer
		if err := serve(w, r); err != nil {
			return err
		}
		return k.err()
	}
}

// isOver reports whether the context may belong to another request.
func (k *call) isOver() bool {
	token, _ := k.c.Get(tokenKey{})
	return token != k.token
}

// err returns an error that the handler left in the context and did not answer, or nil.
func (k *call) err() error {
	if k.isOver() || len(k.c.Errors) <= k.errors || k.c.Writer.Written() || pending(k.c.Writer) != 0 {
		return nil
	}
	return k.c.Errors.Last()
}

// copyOf returns r with a copy of the context of the call.
func (k *call) copyOf(r *http.Request) *http.Request {
	own := &call{c: k.c.Copy(), token: k.token}
	own.c.Request = r.WithContext(context.WithValue(r.Context(), callKey{}, own))
	return own.c.Request
}

// read calls f, which finds an actor, with a copy of the context that has r.
func read(r *http.Request, f func(*gin.Context) (audit.Actor, error)) (audit.Actor, error) {
	c := callOf(r).c.Copy()
	c.Request = r
	return f(c)
}
