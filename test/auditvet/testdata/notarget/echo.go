package notarget

import (
	"database/sql"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/test/auditvet/testdata/service"
)

type api struct {
	tracker audit.Tracker
	db      *sql.DB
}

func (a *api) forgets(c echo.Context) error {
	var form struct{ Title string }
	if err := c.Bind(&form); err != nil {
		return err
	}
	if _, err := a.db.ExecContext(c.Request().Context(), "UPDATE articles SET title = ?", form.Title); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, form)
}

func (a *api) sets(c echo.Context) error {
	defer func() { service.Rename(c.Request().Context(), c.Param("id")) }()
	return a.forgets(c)
}

func loads(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		service.Rename(c.Request().Context(), c.Param("id"))
		return next(c)
	}
}

func (a *api) routes(e *echo.Echo) {
	intent := auditecho.Intent(a.tracker, audit.Event{})
	e.PUT("/1/:id", a.forgets, auditecho.Intent(a.tracker, audit.Event{Action: "article.update"}))                                                                                                                                            // want `the route intent has no target`
	e.Add(http.MethodPut, "/2/:id", a.forgets, auditecho.Intent(a.tracker, audit.Event{}))                                                                                                                                                    // want `the route intent has no target`
	e.Group("/admin").Match([]string{"PUT", "POST"}, "/3/:id", a.forgets, echo.WrapMiddleware(func(h http.Handler) http.Handler { return h }), auditecho.IntentFunc(a.tracker, func(echo.Context, int) audit.Event { return audit.Event{} })) // want `the route intent has no target`

	e.PUT("/a/:id", a.sets, auditecho.Intent(a.tracker, audit.Event{}))
	e.PUT("/b/:id", a.forgets, auditecho.Intent(a.tracker, audit.Event{}, auditecho.TargetParam("article", "id")))
	e.PUT("/c/:id", a.forgets, auditecho.Intent(a.tracker, audit.Event{}), loads)
	e.PUT("/d/:id", a.forgets, intent)
	e.Group("/e", auditecho.Intent(a.tracker, audit.Event{})).PUT("/:id", a.sets)
	e.Use(auditecho.Intent(a.tracker, audit.Event{}))
	e.PUT("/f/:id", echo.NotFoundHandler, auditecho.Intent(a.tracker, audit.Event{}))
	e.PUT("/g/:id", echo.WrapHandler(http.NotFoundHandler()), auditecho.Intent(a.tracker, audit.Event{}))
}
