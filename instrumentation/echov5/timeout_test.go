package auditecho_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Echo gives the context of a request that an http.TimeoutHandler has answered to another
// request, while the handler still runs. The record names its own request's user and target
// then, and the other request stays what it is.
func TestTimeout(t *testing.T) {
	t.Parallel()
	const timeout, rounds = 500 * time.Millisecond, 4 // nothing but the slow handler takes that long
	tracker, records := frameworktest.NewTracker(t)
	e, _ := newEcho()
	signIn := middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
		c.Set("user", c.Request().Header.Get("User"))
		return next(c)
	})
	user := func(c *echo.Context) (audit.Actor, error) {
		id, _ := c.Get("user").(string)
		return audit.User(id), nil
	}
	timed := echo.WrapMiddleware(func(h http.Handler) http.Handler { return http.TimeoutHandler(h, timeout, "") })
	var entered, goOn, ended chan struct{}
	waiting := middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
		defer func() { <-entered }() // from then on the handler does not use the context
		return next(c)
	})
	ending := middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
		defer close(ended)
		return next(c)
	})
	seek := auditecho.IntentFunc(tracker, func(c *echo.Context, _ int) audit.Event {
		return audit.Event{Action: "article.seek", Target: audit.Target{Type: "user", ID: c.Param("id")}}
	})
	e.POST("/slow/:id", func(c *echo.Context) error {
		close(entered)
		<-goOn
		return nil
	}, waiting, timed, ending, signIn, auditecho.Middleware(auditecho.WithActor(user)), seek)
	e.POST("/other/:id", func(c *echo.Context) error {
		request, writer := c.Request(), writerOf(c)
		close(goOn)
		<-ended
		assert.Same(t, request, c.Request())
		assert.Same(t, writer, writerOf(c))
		return c.NoContent(http.StatusNoContent)
	}, signIn)
	send := func(path, user string) int {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path+user, nil)
		r.Header.Set("User", user)
		e.ServeHTTP(w, r)
		return w.Code
	}
	for n := range rounds {
		entered, goOn, ended = make(chan struct{}), make(chan struct{}), make(chan struct{})
		assert.Equal(t, http.StatusServiceUnavailable, send("/slow/", "slow"+strconv.Itoa(n)))
		assert.Equal(t, http.StatusNoContent, send("/other/", "bob"))
	}
	all := records.Records()
	require.Len(t, all, rounds)
	for n, r := range all {
		assert.Equal(t, audit.Target{Type: "user", ID: "slow" + strconv.Itoa(n)}, r.Target)
		assert.Equal(t, r.Target.ID, r.Actor.ID)
	}
}
