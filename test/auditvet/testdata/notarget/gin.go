package notarget

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	"github.com/opendeed/audit/test/auditvet/testdata/service"
)

func ginForgets(c *gin.Context) { c.JSON(http.StatusOK, c.Param("id")) }

func ginSets(c *gin.Context) {
	ginForgets(c)
	service.Rename(c.Request.Context(), c.Param("id"))
}

func ginRoutes(e *gin.Engine, tracker audit.Tracker) {
	e.PUT("/1/:id", auditgin.Intent(tracker, audit.Event{Action: "article.update"}), ginForgets) // want `the route intent has no target`

	e.PUT("/a/:id", auditgin.Intent(tracker, audit.Event{}), ginSets)
	e.PUT("/b/:id", auditgin.Intent(tracker, audit.Event{}), ginSets, ginForgets)
	e.PUT("/c/:id", auditgin.Intent(tracker, audit.Event{}, auditgin.TargetParam("article", "id")), ginForgets)
	e.PUT("/d/:id", auditgin.Intent(tracker, audit.Event{}), gin.WrapH(http.NotFoundHandler()))
}
