package auditecho_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestActorFromTrackContext puts the user only into the context of the Track call.
func TestActorFromTrackContext(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e, _ := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(byContext)))
	e.GET("/a", func(c echo.Context) error {
		ctx := c.Request().Context()
		assert.ErrorIs(t, tracker.Track(ctx, publish), audit.ErrNoActor)
		return tracker.Track(context.WithValue(ctx, userKey{}, "alice"), publish)
	})
	s := frameworktest.Serve(t, e)
	status, _, err := frameworktest.Send(t, s, http.MethodGet, "/a", nil)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	s.Close()
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"unknown",`+get("")+`}`)
}

// TestActorDuringHandler finds an actor while the handler replaces the request. It needs
// the race detector.
func TestActorDuringHandler(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e, _ := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(func(c echo.Context) (audit.Actor, error) {
		return audit.User(c.Request().Header.Get("User") + c.Param("id")), nil
	})))
	e.POST("/a/:id", func(c echo.Context) error {
		ctx := c.Request().Context()
		done := make(chan error)
		go func() { done <- tracker.Track(ctx, publish) }()
		for range 100 {
			c.SetRequest(c.Request().WithContext(ctx))
			_, _ = c.FormParams()
		}
		return <-done
	})
	s := frameworktest.Serve(t, e)
	status, _, err := frameworktest.Send(t, s, http.MethodPost, "/a/1", nil, "User", "alice")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Len(t, records.Records(), 1)
	require.Equal(t, "alice1", records.Records()[0].Actor.ID)
}

// session is a context of the application's own type.
type session struct {
	echo.Context
	user string
}

// TestApplicationContext checks that the actor function gets the context that an outer
// middleware made, with its own type.
func TestApplicationContext(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e, _ := newEcho()
	e.Use(
		middlewareFunc(func(c echo.Context, next echo.HandlerFunc) error { return next(&session{Context: c, user: "alice"}) }),
		auditecho.Middleware(auditecho.WithActor(func(c echo.Context) (audit.Actor, error) {
			return audit.User(c.(*session).user), nil
		})),
	)
	e.GET("/a", func(c echo.Context) error {
		assert.IsType(t, &session{}, c)
		return nil
	}, auditecho.Intent(tracker, publish))
	s := frameworktest.Serve(t, e)
	_, _, err := frameworktest.Send(t, s, http.MethodGet, "/a", nil)
	require.NoError(t, err)
	s.Close()
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"success",`+get("")+`}`)
}

// TestContextRestored checks that an outer middleware sees its own request and writer
// after a handler that returns, and its own writer after one that panics. The scope is open
// until the panic is answered, so the request stays in it.
func TestContextRestored(t *testing.T) {
	t.Parallel()
	tracker, _ := frameworktest.NewTracker(t)
	e, _ := newEcho()
	checked := 0
	e.Use(middlewareFunc(func(c echo.Context, next echo.HandlerFunc) error {
		request, writer := c.Request(), c.Response().Writer
		defer func() {
			_ = recover()
			if c.Path() == "/a" {
				assert.Same(t, request, c.Request())
			} else {
				assert.NotNil(t, audit.ScopeFromContext(c.Request().Context()))
			}
			assert.Equal(t, writer, c.Response().Writer)
			checked++
		}()
		return next(c)
	}), auditecho.Middleware(auditecho.WithActor(byUser), auditecho.WithDenials(tracker)))
	e.GET("/a", func(c echo.Context) error {
		assert.NotNil(t, audit.ScopeFromContext(c.Request().Context()))
		return nil
	}, auditecho.Intent(tracker, publish))
	e.GET("/b", func(echo.Context) error { panic("no") }, auditecho.Intent(tracker, publish))
	s := frameworktest.Serve(t, e)
	for _, path := range []string{"/a", "/b"} {
		_, _, err := frameworktest.Send(t, s, http.MethodGet, path, nil, "User", "alice")
		require.NoError(t, err)
	}
	s.Close()
	require.Equal(t, 2, checked)
}

// TestEchoInsideNetHTTP mounts Echo in a ServeMux that has a middleware. Both see one
// request.
func TestEchoInsideNetHTTP(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e, _ := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(byUser)))
	e.GET("/a", answer(204), auditecho.Intent(tracker, publish))
	mux := http.NewServeMux()
	mux.Handle("/", e)
	s := frameworktest.Serve(t, audithttp.Middleware(audithttp.WithChannel("web"), audithttp.WithDenials(tracker))(mux))
	status, _, err := frameworktest.Send(t, s, http.MethodGet, "/a", nil, "User", "alice")
	require.NoError(t, err)
	require.Equal(t, 204, status)
	s.Close()
	records.RequireRecords(t, `{`+alice+intent+`"channel":"web","outcome":"success",`+get(`"http.response.status_code":204,`)+`}`)
}
