package auditecho_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestActorFromTrackContext puts the user only into the context of the Track call, which an
// actor function of package audithttp gets.
func TestActorFromTrackContext(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e, _ := newEcho()
	e.Use(auditecho.Middleware(audithttp.WithActor(func(r *http.Request) (audit.Actor, error) {
		if id, ok := r.Context().Value(userKey{}).(string); ok {
			return audit.User(id), nil
		}
		return audit.Actor{}, nil
	})))
	e.GET("/a", func(c *echo.Context) error {
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
	e.Use(auditecho.Middleware(audithttp.WithActor(func(r *http.Request) (audit.Actor, error) {
		return audit.User(r.Header.Get("User")), nil
	})))
	e.POST("/a/:id", func(c *echo.Context) error {
		ctx := c.Request().Context()
		done := make(chan error)
		go func() { done <- tracker.Track(ctx, publish) }()
		for range 100 {
			c.SetRequest(c.Request().WithContext(ctx))
			_, _ = c.FormValues()
		}
		return <-done
	})
	s := frameworktest.Serve(t, e)
	status, _, err := frameworktest.Send(t, s, http.MethodPost, "/a/1", nil, "User", "alice")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Len(t, records.Records(), 1)
	require.Equal(t, "alice", records.Records()[0].Actor.ID)
}

// TestContextRestored checks that an outer middleware sees its own request and writer
// after a handler that returns, and its own writer after one that panics. The scope is open
// until the panic is answered, so the request stays in it.
func TestContextRestored(t *testing.T) {
	t.Parallel()
	tracker, _ := frameworktest.NewTracker(t)
	e, _ := newEcho()
	checked := 0
	e.Use(middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
		request, writer := c.Request(), writerOf(c)
		defer func() {
			_ = recover()
			if c.Path() == "/a" {
				assert.Same(t, request, c.Request())
			} else {
				assert.NotNil(t, audit.ScopeFromContext(c.Request().Context()))
			}
			assert.Same(t, writer, writerOf(c))
			checked++
		}()
		return next(c)
	}), auditecho.Middleware(auditecho.WithActor(byUser), auditecho.WithDenials(tracker)))
	e.GET("/a", func(c *echo.Context) error {
		assert.NotNil(t, audit.ScopeFromContext(c.Request().Context()))
		return nil
	}, auditecho.Intent(tracker, publish))
	e.GET("/b", func(*echo.Context) error { panic("no") }, auditecho.Intent(tracker, publish))
	s := frameworktest.Serve(t, e)
	for _, path := range []string{"/a", "/b"} {
		_, _, err := frameworktest.Send(t, s, http.MethodGet, path, nil, "User", "alice")
		require.NoError(t, err)
	}
	s.Close()
	require.Equal(t, 2, checked)
}

// writerOf returns the writer to which Echo's response writes.
func writerOf(c *echo.Context) http.ResponseWriter {
	response, err := echo.UnwrapResponse(c.Response())
	if err != nil {
		panic(err)
	}
	return response.ResponseWriter
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

// TestContextUsedAgain tracks after a request whose error nobody has answered, so that its
// scope is still open, while its context serves another user.
func TestContextUsedAgain(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e := echo.New()
	e.HTTPErrorHandler = func(*echo.Context, error) {}
	e.Use(auditecho.Middleware(auditecho.WithActor(func(c *echo.Context) (audit.Actor, error) {
		return audit.User(c.Request().Header.Get("User")), nil
	})))
	var late context.Context
	e.GET("/a", func(c *echo.Context) error {
		late = c.Request().Context()
		return errConflict
	})
	e.GET("/b", func(*echo.Context) error {
		_ = tracker.Track(late, publish) // fails if this is the context of /a
		return nil
	})
	for n := range 40 {
		r := httptest.NewRequest(http.MethodGet, []string{"/a", "/b"}[n%2], nil)
		r.Header.Set("User", []string{"alice", "bob"}[n%2])
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, r := range records.Records() {
		assert.Equal(t, audit.User("alice"), r.Actor)
	}
}

// TestEchoInsideEcho mounts an Echo in another one, which knows the user.
func TestEchoInsideEcho(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	inner, _ := newEcho()
	inner.GET("/a", answer(204), auditecho.Intent(tracker, publish))
	e, _ := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(func(c *echo.Context) (audit.Actor, error) {
		id, _ := c.Get("user").(string)
		return audit.User(id), nil
	})), middlewareFunc(func(c *echo.Context, next echo.HandlerFunc) error {
		c.Set("user", c.Request().Header.Get("User"))
		return next(c)
	}))
	e.Any("/*", echo.WrapHandler(inner))
	s := frameworktest.Serve(t, e)
	status, _, err := frameworktest.Send(t, s, http.MethodGet, "/a", nil, "User", "alice")
	require.NoError(t, err)
	require.Equal(t, 204, status)
	s.Close()
	require.Len(t, records.Records(), 1)
	require.Equal(t, audit.User("alice"), records.Records()[0].Actor)
}
