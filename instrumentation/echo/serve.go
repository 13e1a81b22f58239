package auditecho

import (
	"context"
	"net/http"
	"reflect"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit/instrumentation/request"
)

// serve calls next in the scope of x, and then conclude, which may be nil. It restores
// c's request and writer before it returns. If conclude is not nil, an error of next is
// turned into a response first, unless there is one already.
func serve(x *request.Exchange, c echo.Context, next echo.HandlerFunc, conclude func(request.Result)) (err error) {
	outer, response := c.Request(), c.Response()
	writer := response.Writer
	defer func() {
		c.SetRequest(outer)
		response.Writer = writer
	}()
	x.Serve(writer, outer, func(w http.ResponseWriter, r *http.Request) context.Context {
		c.SetRequest(r)
		c.Response().Writer = w
		err = next(c)
		if err != nil && conclude != nil && !c.Response().Committed {
			c.Error(err)
			err = nil
		}
		return c.Request().Context()
	}, conclude)
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
