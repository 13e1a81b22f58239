package auditecho

import (
	"context"
	"net/http"
	"reflect"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit/instrumentation/request"
)

// serve calls next in the scope of x. event is that of a route intent, or nil. Errors and
// panics of next continue unchanged.
//
// The context gets its own request and writer back, unless the handler left others. As long as an
// error waits for somebody to answer it, it keeps the request, so that Echo's error handler
// is in the scope. Once the request is over, the context is not touched.
func serve(x *request.Exchange, t *tenure, next echo.HandlerFunc, intent *request.Intent) (err error) {
	c := t.c
	outer, response := c.Request(), c.Response()
	h := request.HTTP{
		Request: outer, Writer: response.Writer, Response: response, Intent: intent,
		Context: func() context.Context {
			if t.isOver() {
				return x.Context()
			}
			return c.Request().Context()
		},
		BeforeHeader: func(f func(status int)) { response.Before(func() { f(response.Status) }) },
	}
	var inside struct { // what the handler gets
		request *http.Request
		writer  http.ResponseWriter
	}
	returned := false
	h.Handler = func(w http.ResponseWriter, r *http.Request) error {
		inside.request, inside.writer = r, w
		if !t.isOver() {
			c.SetRequest(r)
			response.Writer = w
		}
		return next(t.contextFor(r))
	}
	defer func() {
		if t.isOver() {
			return
		}
		if response.Writer == inside.writer {
			response.Writer = h.Writer
		}
		if answered := x.Ended() || returned && err == nil; answered && c.Request() == inside.request {
			c.SetRequest(outer)
		}
	}()
	err = x.Serve(&h)
	returned = true
	return err
}

// echoContext is the type of Echo's own contexts.
var echoContext = reflect.TypeOf(echo.New().NewContext(nil, nil))

// withContext returns what an actor function gets: c with the context of a Track call. r
// is the request as the middleware got it. The function runs within the request, but
// maybe not on the handler's goroutine, which may replace c's request at the same time.
//
// A context of the application's own type is returned unchanged.
func withContext(ctx context.Context, c echo.Context, r *http.Request) echo.Context {
	if reflect.TypeOf(c) != echoContext {
		return c
	}
	return trackContext{Context: c, request: r.WithContext(ctx)}
}

// trackContext is Echo's context with another request.
type trackContext struct {
	echo.Context
	request *http.Request
}

// Request returns the request with the context of the Track call.
func (c trackContext) Request() *http.Request { return c.request }
