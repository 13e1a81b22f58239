package auditgin

import (
	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit/instrumentation/request"
)

// Routes returns the routes of e, for requesttest.CheckCoverage. What Any registered is one
// route for each method.
//
//	requesttest.CheckCoverage(t, e, requests, auditgin.Routes(e)...)
func Routes(e *gin.Engine) (routes []request.Route) {
	for _, r := range e.Routes() {
		routes = append(routes, request.Route{Method: r.Method, Pattern: r.Path})
	}
	return routes
}
