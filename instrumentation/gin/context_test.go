package auditgin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditgin "github.com/opendeed/audit/instrumentation/gin"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// TestActorFromContext finds the actor in what later authentication left: in the context of
// gin, of the request, and of the Track call.
func TestActorFromContext(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	type userKey struct{}
	e := gin.New()
	e.Use(auditgin.Middleware(auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) {
		if id := c.GetString("user"); id != "" {
			return audit.User(id), nil
		}
		if id, ok := c.Request.Context().Value(userKey{}).(string); ok {
			return audit.User(id + c.Param("id") + c.FullPath()), nil
		}
		return audit.Actor{}, nil
	})))
	e.POST("/set", func(c *gin.Context) { c.Set("user", "alice") }, auditgin.Intent(tracker, publish), func(c *gin.Context) { c.Status(204) })
	e.POST("/request/:id", func(c *gin.Context) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), userKey{}, "bob"))
	}, auditgin.Intent(tracker, publish), func(c *gin.Context) { c.Status(204) })
	e.POST("/track", func(c *gin.Context) {
		ctx := c.Request.Context()
		assert.ErrorIs(t, tracker.Track(ctx, publish), audit.ErrNoActor)
		assert.NoError(t, tracker.Track(context.WithValue(ctx, userKey{}, "carol"), publish))
		c.Status(204)
	})
	s := frameworktest.Serve(t, e)
	for path, want := range map[string]string{"/set": "alice", "/request/1": "bob1/request/:id", "/track": "carol/track"} {
		recorder.Reset()
		status, _ := do(t, s, http.MethodPost, path)
		require.Equal(t, 204, status)
		record := recorder.RequireRecord(t, audittest.Action(publish.Action))
		require.Equal(t, want, record.Actor.ID)
	}
}

// TestContextRestored checks that an outer middleware sees its own request and writer after a
// handler that ended, and can answer in the scope after one that failed.
func TestContextRestored(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	checked := 0
	e := gin.New()
	e.Use(func(c *gin.Context) {
		request, writer := c.Request, c.Writer
		defer func() {
			_ = recover()
			if c.FullPath() == "/ok" {
				assert.Same(t, request, c.Request)
				assert.Equal(t, writer, c.Writer)
			} else {
				assert.NotNil(t, audit.ScopeFromContext(c.Request.Context()))
				c.AbortWithStatus(http.StatusConflict)
			}
			checked++
		}()
		c.Next()
	}, auditgin.Middleware(auditgin.WithActor(byUser)))
	e.GET("/ok", auditgin.Intent(tracker, publish), func(c *gin.Context) { c.Status(204) })
	e.GET("/panic", auditgin.Intent(tracker, publish), func(*gin.Context) { panic("no") })
	e.GET("/error", auditgin.Intent(tracker, publish), func(c *gin.Context) { _ = c.Error(errors.New("no")) })
	s := frameworktest.Serve(t, e)
	for _, tt := range []struct {
		path   string
		status string
	}{{"/ok", "204"}, {"/panic", "409"}, {"/error", "409"}} {
		recorder.Reset()
		do(t, s, http.MethodGet, tt.path, "User", "alice")
		records := recorder.Records() // before the client has the answer
		require.Len(t, records, 1)
		require.Equal(t, tt.status, metadata(records[0], semconv.HTTPResponseStatusCodeKey))
	}
	require.Equal(t, 3, checked)
}

// TestUnanswered checks that an error that nobody answers is on record, soon after the
// request.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	e := gin.New()
	e.Use(auditgin.Middleware(auditgin.WithActor(byUser)))
	e.GET("/a/:id", auditgin.IntentFunc(recorder.Tracker("test"), func(c *gin.Context, status int) audit.Event {
		return audit.Event{Action: "article.read", Reason: strconv.Itoa(status), Target: audit.Target{Type: "article", ID: c.Param("id")}}
	}), func(c *gin.Context) { _ = c.Error(errors.New("no")) })
	status, _ := do(t, frameworktest.Serve(t, e), http.MethodGet, "/a/1", "User", "alice")
	require.Equal(t, 200, status) // gin's own
	require.Eventually(t, func() bool { return len(recorder.Records()) > 0 }, 10*time.Second, time.Millisecond)
	record := recorder.Records()[0]
	assert.Equal(t, audit.User("alice"), record.Actor)
	assert.Equal(t, audit.Target{Type: "article", ID: "1"}, record.Target)
	assert.Equal(t, audit.OutcomeFailure, record.Outcome)
	assert.Equal(t, "0", record.Reason)
	assert.Empty(t, metadata(record, semconv.HTTPResponseStatusCodeKey))
}

// TestTrackAfterRequest tracks from goroutines with copies of contexts that serve other
// requests by then. The actor is the one that was found before, or none, but never another
// request's. It needs the race detector.
func TestTrackAfterRequest(t *testing.T) {
	t.Parallel()
	const requests = 400
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	var late sync.WaitGroup
	errs := make([]error, requests)
	release := make(chan struct{})
	e := gin.New()
	e.Use(auditgin.Middleware(auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) {
		return audit.User(c.Param("user") + c.GetString("mark")), nil
	})))
	e.GET("/:user", func(c *gin.Context) {
		n, err := strconv.Atoi(c.Param("user"))
		assert.NoError(t, err)
		c.Set("mark", "!")
		if n%2 == 0 {
			assert.NoError(t, tracker.Track(c.Request.Context(), audit.Event{Action: "request.early"}))
		}
		own := c.Copy()
		late.Go(func() {
			<-release
			errs[n] = tracker.Track(own.Request.Context(), audit.Event{Action: "request.late", Metadata: []attribute.KeyValue{attribute.Int("user", n)}})
		})
		c.Status(200)
	})
	s := frameworktest.Serve(t, e)
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for n := client; n < requests; n += 4 {
				do(t, s, http.MethodGet, "/"+strconv.Itoa(n))
			}
		})
	}
	clients.Wait()
	s.Close()
	close(release)
	late.Wait()
	for n, err := range errs {
		if n%2 == 0 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, audit.ErrNoActor, "the actor function must not be called after the request")
		}
	}
	count := 0
	for _, r := range recorder.Records() {
		if r.Action == "request.late" {
			count++
			require.Equal(t, metadata(r, "user")+"!", r.Actor.ID)
		}
	}
	require.Equal(t, requests/2, count)
}

// TestContextUsedAgain lets a handler continue while gin has given its context to another
// request, as some middlewares for timeouts do. What it tracks is not that request's, and it
// takes nothing from it.
func TestContextUsedAgain(t *testing.T) {
	t.Parallel()
	for range 50 { // under the race detector, gin's pool drops one context of four
		if contextUsedAgain(t) {
			return
		}
	}
	require.Fail(t, "gin never used a context again")
}

// contextUsedAgain reports whether gin used the context of the slow request again, so that
// something was tested.
func contextUsedAgain(t *testing.T) bool {
	t.Helper()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	entered, reused, tracked, quick, ended := make(chan struct{}), make(chan struct{}), make(chan error), make(chan struct{}), make(chan struct{})
	e := gin.New()
	var slow *gin.Context
	timeout := func(c *gin.Context) {
		slow = c
		go func() {
			defer close(ended)
			c.Next()
		}()
		<-entered
		c.Abort()
	}
	ours := auditgin.Middleware(auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) { return audit.User(c.Param("id")), nil }))
	e.GET("/slow/:id", timeout, ours, auditgin.IntentFunc(tracker, func(c *gin.Context, _ int) audit.Event {
		return audit.Event{Action: "slow.read", Actor: audit.User("known"), Target: audit.Target{Type: "slow", ID: c.Param("id")}}
	}), func(c *gin.Context) {
		ctx := c.Request.Context()
		close(entered)
		<-reused
		tracked <- tracker.Track(ctx, publish)
		<-quick
	})
	again := false
	e.GET("/quick/:id", ours, func(c *gin.Context) {
		if again = c == slow; !again {
			return
		}
		request, writer := c.Request, c.Writer
		close(reused)
		_, ok := errors.AsType[*audit.ActorError](<-tracked)
		assert.True(t, ok)
		assert.Same(t, request, c.Request)
		assert.Equal(t, writer, c.Writer)
		assert.NoError(t, tracker.Track(c.Request.Context(), audit.Event{Action: "quick.read"}))
	})
	get := func(path string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
	get("/slow/1")
	for i := 0; i < 20 && !again; i++ {
		get("/quick/2")
	}
	if !again {
		close(reused)
		<-tracked
		close(quick)
		<-ended
		return false
	}
	close(quick)
	<-ended
	var got []string
	for _, r := range recorder.Records() {
		if r.Action != semconv.ActionRejected {
			got = append(got, r.Action+" "+r.Actor.ID+" "+r.Target.ID)
		}
	}
	require.Equal(t, []string{"quick.read 2 ", "slow.read known 1"}, got)
	return true
}

// TestRoutes checks the route and the path of requests without a usual route.
func TestRoutes(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.Use(auditgin.Middleware(auditgin.WithActor(byUser)), auditgin.Intent(tracker, publish))
	e.GET("/shares/:id/*secretPath", func(c *gin.Context) { c.Status(204) })
	e.POST("/articles", func(c *gin.Context) { c.Status(204) })
	e.NoRoute(func(c *gin.Context) { c.JSON(http.StatusNotFound, "nothing") })
	s := frameworktest.Serve(t, e)
	for _, tt := range []struct{ method, path, status, route, recorded string }{
		{"GET", "/shares/1/a/b", "204", "/shares/:id/*secretPath", "/shares/1/***REDACTED***"},
		{"GET", "/nothing", "404", "", "/nothing"},
		{"GET", "/articles", "405", "", "/articles"},
	} {
		recorder.Reset()
		status, _ := do(t, s, tt.method, tt.path, "User", "alice")
		require.Equal(t, tt.status, strconv.Itoa(status))
		records := recorder.Records()
		require.Len(t, records, 1)
		assert.Equal(t, tt.status, metadata(records[0], semconv.HTTPResponseStatusCodeKey))
		assert.Equal(t, tt.route, metadata(records[0], semconv.HTTPRouteKey))
		assert.Equal(t, tt.recorded, metadata(records[0], semconv.URLPathKey))
	}
}

// TestHandleContext rewrites a request, which goes through the engine a second time.
func TestHandleContext(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	e := gin.New()
	e.Use(auditgin.Middleware(auditgin.WithActor(byUser)))
	e.GET("/old", func(c *gin.Context) {
		c.Request.URL.Path = "/new/1"
		e.HandleContext(c)
	})
	e.GET("/new/:id", auditgin.Intent(recorder.Tracker("test"), publish, auditgin.TargetParam("article", "id")), func(c *gin.Context) {
		c.String(201, "new")
	})
	status, body := do(t, frameworktest.Serve(t, e), http.MethodGet, "/old", "User", "alice")
	require.Equal(t, 201, status)
	require.Equal(t, "new", body)
	records := recorder.Records()
	require.Len(t, records, 1)
	assert.Equal(t, audit.User("alice"), records[0].Actor)
	assert.Equal(t, audit.Target{Type: "article", ID: "1"}, records[0].Target)
	assert.Equal(t, "/new/:id", metadata(records[0], semconv.HTTPRouteKey))
	assert.Equal(t, "201", metadata(records[0], semconv.HTTPResponseStatusCodeKey))
}

// TestUnmet checks that an application can answer in its own way, and that the rest of the
// chain does not run.
func TestUnmet(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t, strict(t))
	e := gin.New()
	e.Use(auditgin.Middleware(auditgin.WithActor(byUser)))
	e.POST("/a", auditgin.Intent(recorder.Tracker("test"), publish, auditgin.ReasonFrom(auditgin.Query("why")), auditgin.OnUnmet(func(c *gin.Context, err error) {
		unmet, ok := errors.AsType[*audit.UnmetError](err)
		assert.True(t, ok)
		c.JSON(http.StatusBadRequest, unmet.Fields)
	})), func(*gin.Context) { t.Error("the handler ran") }, func(*gin.Context) { t.Error("the second handler ran") })
	status, body := do(t, frameworktest.Serve(t, e), http.MethodPost, "/a", "User", "alice")
	require.Equal(t, http.StatusBadRequest, status)
	require.JSONEq(t, `["reason"]`, body)
	require.Equal(t, semconv.ActionRejected, recorder.Records()[0].Action)
}

// TestGinInsideNetHTTP mounts an engine in a ServeMux that has a middleware. Both see one
// request.
func TestGinInsideNetHTTP(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	e := gin.New()
	e.Use(auditgin.Middleware(auditgin.WithActor(byUser)))
	e.GET("/a", auditgin.Intent(tracker, publish), func(c *gin.Context) { c.Status(204) })
	mux := http.NewServeMux()
	mux.Handle("/", e)
	s := frameworktest.Serve(t, audithttp.Middleware(audithttp.WithChannel("web"), audithttp.WithDenials(tracker))(mux))
	status, _ := do(t, s, http.MethodGet, "/a", "User", "alice")
	require.Equal(t, 204, status)
	records := recorder.Records()
	require.Len(t, records, 1)
	assert.Equal(t, "web", records[0].Channel)
	assert.Equal(t, audit.User("alice"), records[0].Actor)
	assert.Equal(t, "204", metadata(records[0], semconv.HTTPResponseStatusCodeKey))
}

// TestGinInsideGin mounts an engine in another one, which knows the user.
func TestGinInsideGin(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	inner := gin.New()
	inner.GET("/a", auditgin.Intent(recorder.Tracker("test"), publish), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	e := gin.New()
	e.Use(auditgin.Middleware(auditgin.WithActor(func(c *gin.Context) (audit.Actor, error) {
		return audit.User(c.GetString("user")), nil
	})), func(c *gin.Context) { c.Set("user", "alice") })
	e.GET("/a", gin.WrapH(inner))
	status, _ := do(t, frameworktest.Serve(t, e), http.MethodGet, "/a")
	require.Equal(t, http.StatusNoContent, status)
	recorder.RequireRecord(t, audittest.Actor(audit.User("alice")))
}
