package auditecho

import (
	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit/instrumentation/request"
)

// Routes returns the routes of e, of all its hosts, for requesttest.CheckCoverage. What Any
// registered is one route for every method. Handlers for paths that no route has are not
// included.
//
//	requesttest.CheckCoverage(t, e, requests, auditecho.Routes(e)...)
func Routes(e *echo.Echo) []request.Route {
	routes := routesOf(e.Routes())
	for _, router := range e.Routers() {
		routes = append(routes, routesOf(router.Routes())...)
	}
	return routes
}

func routesOf(registered []*echo.Route) []request.Route {
	type handler struct{ path, name string }
	methods := map[handler][]string{}
	for _, r := range registered {
		if r.Method != echo.RouteNotFound {
			h := handler{r.Path, r.Name}
			methods[h] = append(methods[h], r.Method)
		}
	}
	var routes []request.Route
	every := len(echo.New().Any("/", echo.NotFoundHandler))
	for h, methods := range methods {
		if len(methods) == every {
			methods = []string{""}
		}
		for _, method := range methods {
			routes = append(routes, request.Route{Method: method, Pattern: h.path})
		}
	}
	return routes
}
