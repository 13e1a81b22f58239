package auditecho_test

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
)

// Echo gives the context of a request that middleware.Timeout has answered to another
// request, while the handler still runs. No record names another request's user then, and
// the other request stays what it is. It needs the race detector.
func TestTimeout(t *testing.T) {
	t.Parallel()
	const timeout, clients, requests = time.Second, 16, 12 // nothing but a slow handler takes a second
	user := func(c echo.Context) (audit.Actor, error) {
		id, _ := c.Get("user").(string)
		return audit.User(id), nil
	}
	var handlers sync.WaitGroup
	signIn := middlewareFunc(func(c echo.Context, next echo.HandlerFunc) error {
		handlers.Add(1)
		defer handlers.Done()
		c.Set("user", c.Request().Header.Get("User"))
		return next(c)
	})
	timed := middleware.TimeoutWithConfig(middleware.TimeoutConfig{Timeout: timeout}) //nolint:staticcheck // applications use it
	tracker, records := frameworktest.NewTracker(t)
	var late frameworktest.Errors
	var begun, mixed, timeouts atomic.Int64
	var over atomic.Bool
	handler := func(c echo.Context) error {
		id, ctx := c.Param("id"), c.Request().Context()
		if c.Request().Header.Get("User") != id {
			mixed.Add(1)
		}
		n := begun.Add(1)
		if strings.HasPrefix(id, "slow") {
			<-ctx.Done()
			for begun.Load() < n+3 && !over.Load() {
				runtime.Gosched() // others use the context meanwhile
			}
		}
		// The context may serve another request now, whose target this must not become.
		audit.SetTarget(c.Request().Context(), audit.Target{Type: "user", ID: id})
		err := tracker.Track(ctx, audit.Event{Action: "user.greet", Target: audit.Target{Type: "user", ID: id}})
		assert.True(t, err == nil || isLate(err), "%v", err)
		if ctx.Err() != nil {
			return nil // the context may be another request's
		}
		return c.NoContent(http.StatusNoContent)
	}
	e, _ := newEcho()
	e.Use(timed, signIn, auditecho.Middleware(auditecho.WithActor(user), auditecho.WithErrorHandler(late.Handle)))
	e.POST("/direct/:id", handler)
	e.POST("/intent/:id", handler, auditecho.Intent(tracker, publish))
	e.POST("/func/:id", handler, auditecho.IntentFunc(tracker, func(c echo.Context, _ int) audit.Event {
		return audit.Event{Action: "article.seek", Target: audit.Target{Type: "user", ID: c.Param("id")}}
	}))
	s := frameworktest.Serve(t, e)
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			for i := range requests {
				id := fmt.Sprintf("quick%d-%d", client, i)
				if i%4 == client%4 && i < 8 {
					id = fmt.Sprintf("slow%d-%d", client, i)
				}
				path := []string{"/direct/", "/intent/", "/func/"}[i%3]
				status, _, err := frameworktest.Send(t, s, http.MethodPost, path+id, nil, "User", id)
				assert.NoError(t, err)
				if status == http.StatusServiceUnavailable {
					timeouts.Add(1)
				}
			}
		})
	}
	work.Wait()
	over.Store(true)
	s.Close()
	handlers.Wait()
	routes := 0
	for _, r := range records.Records() {
		assert.Equal(t, r.Target.ID, r.Actor.ID)
		if !strings.HasPrefix(r.Action, "user.") {
			routes++
		}
	}
	for _, err := range late.All() {
		assert.True(t, isLate(err), "%v", err)
	}
	assert.Zero(t, mixed.Load(), "requests whose request was replaced by another")
	assert.GreaterOrEqual(t, timeouts.Load(), int64(2*clients))
	assert.Equal(t, clients*requests*2/3, routes+len(late.All()), "each request of a route is on record, or reported")
	t.Logf("%d requests, %d timeouts, %d records, %d of routes, %d errors",
		clients*requests, timeouts.Load(), len(records.Records()), routes, len(late.All()))
}

// isLate reports whether err is that of an event whose actor was needed too late.
func isLate(err error) bool {
	_, ok := errors.AsType[*audit.ActorError](err)
	return ok || errors.Is(err, audit.ErrNoActor)
}
