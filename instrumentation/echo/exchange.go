package auditecho

import (
	"context"
	"net/http"
	"reflect"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
)

// exchange is one request on its way through one of the middlewares here: the
// handler that package audithttp gets in the place of Echo's.
type exchange struct {
	c      echo.Context
	next   echo.HandlerFunc
	outer  *http.Request // as it came
	actor  func(echo.Context) (audit.Actor, error)
	behind func(echo.Context, audit.Actor) (audit.Actor, error)
	inner  bool  // c has the request that carries the scope
	err    error // what next returned, as long as no response came of it
}

var _ audithttp.Adapter = (*exchange)(nil)

func newExchange(c echo.Context, next echo.HandlerFunc) *exchange {
	return &exchange{c: c, next: next, outer: c.Request()}
}

// serve sends the request through h, which calls ServeHTTP, and leaves Echo's
// context as it was.
func (x *exchange) serve(h http.Handler) error {
	response := x.c.Response()
	writer := response.Writer
	defer func() {
		if x.inner {
			x.c.SetRequest(x.outer)
			response.Writer = writer
		}
	}()
	h.ServeHTTP(writer, x.outer)
	return x.err
}

// Route returns the path that Echo's router matched, "" before it did.
func (x *exchange) Route() string { return x.c.Path() }

// Actor returns how the actor is found, if there is a function for it.
func (x *exchange) Actor() func(context.Context) (audit.Actor, error) {
	if x.actor == nil {
		return nil
	}
	resolve := func(ctx context.Context) (audit.Actor, error) { return x.actor(x.contextOf(ctx)) }
	if x.behind == nil {
		return resolve
	}
	return audithttp.ActingFor(resolve, func(ctx context.Context, actor audit.Actor) (audit.Actor, error) {
		return x.behind(x.contextOf(ctx), actor)
	})
}

// ServeHTTP calls the handler with what package audithttp made of the request.
func (x *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r != x.outer { // else a filter said that there shall be no scope
		x.inner = true
		x.c.SetRequest(r)
		x.c.Response().Writer = w
	}
	x.err = x.next(x.c)
}

// Settle makes a response of the handler's error, once, unless there is one.
func (x *exchange) Settle() *http.Request {
	if x.err != nil && !x.c.Response().Committed {
		x.c.Error(x.err)
		x.err = nil
	}
	return x.c.Request()
}

// echoContext is the type of Echo's own contexts.
var echoContext = reflect.TypeOf(echo.New().NewContext(nil, nil))

// contextOf returns what a function that looks for an actor gets. It is called within
// the request, but maybe on another goroutine than the handler's, which may be changing
// the request.
func (x *exchange) contextOf(ctx context.Context) echo.Context {
	if reflect.TypeOf(x.c) != echoContext {
		return x.c
	}
	return trackContext{Context: x.c, request: x.outer.WithContext(ctx)}
}

// trackContext is Echo's context with the context of a Track call.
type trackContext struct {
	echo.Context
	request *http.Request
}

// Request returns the request with the context of the Track call.
func (c trackContext) Request() *http.Request { return c.request }
