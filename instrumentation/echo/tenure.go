package auditecho

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
)

// tenure is the time during which a context belongs to one request. Echo uses its contexts
// again when a request is over, also if a handler still runs: middleware.Timeout answers
// without waiting for it. What the context holds then is another request's.
type tenure struct {
	c echo.Context
	// token is the first tenure of the request, under tokenKey in c as long as c belongs to
	// the request. It is nil if c keeps nothing.
	token *tenure
	// timeout is the context of the request if an http.TimeoutHandler serves it, and nil
	// otherwise. When it ends, the request is over for everybody but the handler.
	timeout context.Context
}

// tokenKey is the key in an echo.Context for the token of its request.
const tokenKey = "github.com/opendeed/audit/instrumentation/echo"

// tenureOf returns the tenure of the request that c belongs to now.
func tenureOf(c echo.Context) *tenure {
	if timed, ok := c.(*timedContext); ok {
		c = timed.Context
	}
	t := &tenure{c: c}
	if request.IsTimed(c.Response().Writer) {
		t.timeout = c.Request().Context()
	}
	token, ok := c.Get(tokenKey).(*tenure)
	if !ok {
		token = t
		c.Set(tokenKey, token)
		if c.Get(tokenKey) != token {
			return t // a context of the application's own type that keeps nothing
		}
	}
	t.token = token
	return t
}

// isOver reports whether the context may belong to another request.
func (t *tenure) isOver() bool {
	return t.isTimedOut() || t.token != nil && t.c.Get(tokenKey) != t.token
}

// isTimedOut reports whether an http.TimeoutHandler has answered instead of the handler, so
// that another request may change the context at any time.
func (t *tenure) isTimedOut() bool { return t.timeout != nil && t.timeout.Err() != nil }

// read calls find, which reads the context. It discards what may be another request's.
func (t *tenure) read(find func() (audit.Actor, error)) (audit.Actor, error) {
	if t.isOver() {
		return audit.Actor{}, request.ErrOver
	}
	actor, err := find()
	if t.isOver() {
		return audit.Actor{}, request.ErrOver
	}
	return actor, err
}

// contextFor returns the context for a handler whose request is r: c, unless c may serve
// another request while the handler still runs.
func (t *tenure) contextFor(r *http.Request) echo.Context {
	if t.timeout == nil || reflect.TypeOf(t.c) != echoContext {
		return t.c
	}
	return &timedContext{Context: t.c, tenure: t, request: r}
}

// timedContext is Echo's context for a handler that middleware.Timeout may leave running. It
// keeps the request, so that what the handler sets in its audit context is not another
// request's.
type timedContext struct {
	echo.Context
	tenure  *tenure
	request *http.Request
}

// Request returns the request of the handler.
func (c *timedContext) Request() *http.Request { return c.request }

// SetRequest sets it, also for the middleware outside, while the context is the request's.
func (c *timedContext) SetRequest(r *http.Request) {
	c.request = r
	if !c.tenure.isOver() {
		c.Context.SetRequest(r)
	}
}

// copy returns a function that returns the context with the request as it is now and the
// context of a Track call or, once the request is over, a context of its own with the
// request, the path and its parameters.
func (t *tenure) copy() func(context.Context) echo.Context {
	c, r, e := t.c, t.c.Request(), t.c.Echo()
	path, names, values := c.Path(), c.ParamNames(), slices.Clone(c.ParamValues())
	return func(ctx context.Context) echo.Context {
		if !t.isOver() {
			return withContext(ctx, c, r)
		}
		own := e.NewContext(r.WithContext(ctx), discard{})
		own.SetPath(path)
		own.SetParamNames(names...)
		own.SetParamValues(values...)
		return own
	}
}

// discard is the writer of a response that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
