package auditecho

import (
	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit/instrumentation/request"
)

// Routes returns the routes of e, for requesttest.CheckCoverage. What Any registered is one
// route for every method. Handlers for paths that no route has are not included. Each host
// of echo.NewVirtualHostHandler has routes of its own.
//
//	requesttest.CheckCoverage(t, e, requests, auditecho.Routes(e)...)
func Routes(e *echo.Echo) []request.Route {
	var routes []request.Route
	for _, r := range e.Router().Routes() {
		switch r.Method {
		case echo.RouteNotFound:
		case echo.RouteAny:
			routes = append(routes, request.Route{Pattern: r.Path})
		default:
			routes = append(routes, request.Route{Method: r.Method, Pattern: r.Path})
		}
	}
	return routes
}
