package auditecho_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCoverage checks that a forgotten intent is reported with Echo's route.
func TestCoverage(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	var reported []error
	e := echo.New()
	e.Use(auditecho.Middleware(
		auditecho.WithCoverage(tracker, nil),
		auditecho.WithErrorHandler(func(_ context.Context, err error) { reported = append(reported, err) }),
	))
	e.DELETE("/articles/:id", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	e.POST("/articles/:id", func(echo.Context) error { return echo.ErrTooManyRequests }) // fails by returning an error
	s := frameworktest.Serve(t, e)
	for _, method := range []string{http.MethodDelete, http.MethodPost} {
		_, _, err := frameworktest.Send(t, s, method, "/articles/1", nil)
		require.NoError(t, err)
	}
	s.Close()
	require.Len(t, reported, 1)
	assert.Equal(t, &auditecho.CoverageError{Method: "DELETE", Route: "/articles/:id"}, reported[0])
	require.Len(t, records.Records(), 1)
	assert.Equal(t, semconv.ActionCoverageMissing, records.Records()[0].Action)
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	e := echo.New()
	h := func(c echo.Context) error { return c.NoContent(http.StatusOK) }
	e.GET("/articles/:id", h)
	e.PUT("/articles/:id", h)
	e.Any("/proxy/*", h)
	e.Match([]string{http.MethodPost, http.MethodPatch}, "/search", h)
	e.RouteNotFound("/*", h)
	admin := e.Group("/admin", func(next echo.HandlerFunc) echo.HandlerFunc { return next }) // registers two for unknown paths
	admin.DELETE("/users/:id", h)
	e.Host("shop.example.com").POST("/orders", h)
	assert.ElementsMatch(t, []request.Route{
		{Method: "GET", Pattern: "/articles/:id"},
		{Method: "PUT", Pattern: "/articles/:id"},
		{Pattern: "/proxy/*"},
		{Method: "POST", Pattern: "/search"},
		{Method: "PATCH", Pattern: "/search"},
		{Method: "DELETE", Pattern: "/admin/users/:id"},
		{Method: "POST", Pattern: "/orders"},
	}, auditecho.Routes(e))
}
