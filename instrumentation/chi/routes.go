package auditchi

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/opendeed/audit/instrumentation/request"
)

// Routes returns the routes of r, also of the routers that are mounted in it, for
// requesttest.CheckCoverage.
//
//	requesttest.CheckCoverage(t, r, requests, auditchi.Routes(r)...)
func Routes(r chi.Routes) (routes []request.Route) {
	_ = chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if len(route) > 1 {
			route = strings.TrimSuffix(route, "/") // as chi's RoutePattern, and so the records, have it
		}
		routes = append(routes, request.Route{Method: method, Pattern: route})
		return nil // so Walk returns none either
	})
	return routes
}
