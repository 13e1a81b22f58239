package notarget

import (
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/test/auditvet/testdata/service"
)

func echo5Forgets(c *echo.Context) error {
	var form struct{ Title string }
	if err := c.Bind(&form); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, form)
}

func echo5Sets(c *echo.Context) error {
	service.Rename(c.Request().Context(), c.Param("id"))
	return echo5Forgets(c)
}

func echo5Routes(e *echo.Echo, tracker audit.Tracker) {
	e.PUT("/1/:id", echo5Forgets, auditecho.Intent(tracker, audit.Event{Action: "article.update"})) // want `the route intent has no target`
	e.PUT("/a/:id", echo5Sets, auditecho.Intent(tracker, audit.Event{}))
	e.PUT("/b/:id", echo5Forgets, auditecho.Intent(tracker, audit.Event{}, auditecho.TargetParam("article", "id")))
}
