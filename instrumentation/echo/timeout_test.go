package auditecho_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Echo gives the context of a request that middleware.Timeout has answered to another
// request, while the handler still runs. No record names another request's user then, and
// the other request stays what it is. It needs the race detector.
func TestTimeout(t *testing.T) {
	t.Parallel()
	const timeout, clients, requests = 100 * time.Millisecond, 16, 15
	user := func(c echo.Context) (audit.Actor, error) {
		id, _ := c.Get("user").(string)
		return audit.User(id), nil
	}
	signIn := middlewareFunc(func(c echo.Context, next echo.HandlerFunc) error {
		c.Set("user", c.Request().Header.Get("User"))
		return next(c)
	})
	timed := middleware.TimeoutWithConfig(middleware.TimeoutConfig{Timeout: timeout}) //nolint:staticcheck // applications use it
	tracker, records := newTracker(t)
	var late errorLog
	var handlers sync.WaitGroup
	var n, mixed, timeouts atomic.Int64
	handler := func(c echo.Context) error {
		handlers.Add(1)
		defer handlers.Done()
		id, ctx := c.Param("id"), c.Request().Context()
		if c.Request().Header.Get("User") != id {
			mixed.Add(1)
		}
		assert.NoError(t, audit.SetTarget(ctx, audit.Target{Type: "user", ID: id}))
		if n.Add(1)%3 == 0 {
			<-ctx.Done()
			time.Sleep(timeout / 10) // others use the context meanwhile
		}
		err := tracker.Track(ctx, audit.Event{Action: "user.greet", Target: audit.Target{Type: "user", ID: id}})
		assert.True(t, err == nil || isLate(err), "%v", err)
		if ctx.Err() != nil {
			return nil // the context may be another request's
		}
		return c.NoContent(http.StatusNoContent)
	}
	e, _ := newEcho()
	e.Use(timed, signIn, auditecho.Middleware(auditecho.WithActor(user), auditecho.WithErrorHandler(late.handle)))
	e.POST("/direct/:id", handler)
	e.POST("/intent/:id", handler, auditecho.Intent(tracker, publish))
	e.POST("/func/:id", handler, auditecho.IntentFunc(tracker, func(c echo.Context, _ int) audit.Event {
		return audit.Event{Action: "article.seek", Target: audit.Target{Type: "user", ID: c.Param("id")}}
	}))
	s := serve(t, e)
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			for i := range requests {
				id := fmt.Sprintf("u%d-%d", client, i)
				path := []string{"/direct/", "/intent/", "/func/"}[i%3]
				status, _, err := do(t, s, http.MethodPost, path+id, nil, "User", id)
				assert.NoError(t, err)
				if status == http.StatusServiceUnavailable {
					timeouts.Add(1)
				}
			}
		})
	}
	work.Wait()
	s.Close()
	handlers.Wait()
	routes := 0
	for _, r := range records.all() {
		assert.Equal(t, r.Target.ID, r.Actor.ID)
		if !strings.HasPrefix(r.Action, "user.") {
			routes++
		}
	}
	for _, err := range late.all() {
		assert.True(t, isLate(err), "%v", err)
	}
	assert.Zero(t, mixed.Load(), "requests whose request was replaced by another")
	assert.Positive(t, timeouts.Load())
	require.Positive(t, routes)
	t.Logf("%d requests, %d timeouts, %d records, %d of routes, %d errors",
		clients*requests, timeouts.Load(), len(records.all()), routes, len(late.all()))
}

// isLate reports whether err is that of an event whose actor was needed too late.
func isLate(err error) bool {
	_, ok := errors.AsType[*audit.ActorError](err)
	return ok || errors.Is(err, audit.ErrNoActor)
}
