package request

import (
	"cmp"
	"context"
	"net/http"
	"strings"
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

// Serve runs the handler of an HTTP request and ends the scope. A panic of the handler
// continues unchanged.
//
// handler gets r with the context of the Exchange, and returns the context as the
// application's handler left it (see [Result]). A framework whose handlers return errors
// must turn an error into a response before it returns, if conclude is not nil.
//
// conclude is called when the handler has returned or panicked, before the scope ends. It
// is [Exchange.Conclude] or a function that calls [Exchange.TrackIntent]. If conclude is
// nil, w is not wrapped.
func (x *Exchange) Serve(
	w http.ResponseWriter,
	r *http.Request,
	handler func(http.ResponseWriter, *http.Request) context.Context,
	conclude func(Result),
) {
	defer x.End()
	r = r.WithContext(x.ctx)
	if conclude == nil {
		handler(w, r)
		return
	}
	x.served = r
	var response response
	result := Result{Panicked: true}
	defer func() {
		result.Status = HTTPStatus(response.status(result.Panicked))
		x.learnServedRoute()
		x.method = r.Method // the handler may have overridden it
		conclude(result)
	}()
	result.Context = handler(response.watch(w), r)
	result.Panicked = false
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
