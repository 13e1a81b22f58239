package auditecho_test

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOnBehalfOf serves the routes of an administrator, who acts on behalf of others in a
// channel of its own.
func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e := echo.New()
	e.Use(auditecho.Middleware(
		auditecho.WithActor(func(c echo.Context) (audit.Actor, error) { return audit.User(c.Request().Header.Get("User")), nil }),
		auditecho.WithOnBehalfOf(func(c echo.Context, actor audit.Actor) (audit.Actor, error) {
			if as := c.Request().Header.Get("As"); as != "" && actor.ID == "admin" {
				return audit.User(as), nil
			}
			return audit.Actor{}, nil
		}),
		auditecho.WithChannel(semconv.ChannelAPI),
	))
	ok := func(c echo.Context) error { return c.NoContent(http.StatusOK) }
	intent := auditecho.Intent(tracker, audit.Event{Action: "article.publish"})
	e.POST("/articles/:id", ok, intent)
	e.Group("/admin", auditecho.Middleware(auditecho.WithChannel(semconv.ChannelAdmin))).POST("/articles/:id", ok, intent)
	s := frameworktest.Serve(t, e)
	for _, request := range [][]string{
		{"/articles/1", "User", "alice", "As", "bob"},
		{"/admin/articles/1", "User", "admin", "As", "bob"},
	} {
		status, _, err := frameworktest.Send(t, s, http.MethodPost, request[0], nil, request[1:]...)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
	}
	s.Close()
	got := records.Records()
	require.Len(t, got, 2)
	assert.Equal(t, audit.User("alice"), got[0].Actor)
	assert.Equal(t, "api", got[0].Channel)
	bob := audit.User("bob")
	assert.Equal(t, audit.Actor{Type: audit.ActorUser, ID: "admin", OnBehalfOf: &bob}, got[1].Actor)
	assert.Equal(t, "admin", got[1].Channel)
}
