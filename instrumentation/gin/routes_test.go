package auditgin_test

import (
	"testing"

	"github.com/gin-gonic/gin"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/stretchr/testify/assert"
)

func TestKnownRoutes(t *testing.T) {
	t.Parallel()
	none := func(*gin.Context) {}
	e := gin.New()
	e.GET("/", none)
	e.Group("/articles").PUT("/:slug", none)
	assert.ElementsMatch(t, []request.Route{
		{Method: "GET", Pattern: "/"}, {Method: "PUT", Pattern: "/articles/:slug"},
	}, auditgin.Routes(e))
}
