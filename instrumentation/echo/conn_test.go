package auditecho_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echo"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// get returns the metadata of a GET request for "/a".
func get(more string) string {
	return `"metadata":{"client.address":"127.0.0.1","http.request.method":"GET",` + more + `"http.route":"/a",` +
		`"network.peer.address":"127.0.0.1","url.path":"/a","user_agent.original":"test/1.0"}`
}

// TestWebsocket serves a WebSocket that a library upgrades.
func TestWebsocket(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e, handled := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(byUser), auditecho.WithDenials(tracker)))
	e.GET("/a", func(c echo.Context) error {
		conn, err := websocket.Accept(c.Response(), c.Request(), nil)
		if err != nil {
			return err
		}
		kind, text, err := conn.Read(c.Request().Context())
		if err != nil {
			return err
		}
		if err := conn.Write(c.Request().Context(), kind, text); err != nil {
			return err
		}
		return conn.Close(websocket.StatusNormalClosure, "")
	}, auditecho.Intent(tracker, publish))
	s := frameworktest.Serve(t, e)
	conn, _, err := websocket.Dial(t.Context(), s.URL+"/a", &websocket.DialOptions{ //nolint:bodyclose // it is the connection
		HTTPHeader: http.Header{"User": {"alice"}, "User-Agent": {"test/1.0"}},
	})
	require.NoError(t, err)
	require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte("hello")))
	_, text, err := conn.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hello", string(text))
	_, _, err = conn.Read(t.Context())
	require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err))
	require.Eventually(t, func() bool { return len(records.Records()) > 1 }, 10*time.Second, time.Millisecond)
	records.RequireRecords(t,
		`{`+alice+intent+`"attempt":"its own","outcome":"unknown",`+get("")+`}`,
		`{`+alice+intent+`"attempt":"the first","outcome":"success",`+get(`"http.response.status_code":101,`)+`}`,
	)
	require.Zero(t, *handled)
}

// TestHijack hijacks the connection without writing a status.
func TestHijack(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	e, _ := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(byUser)))
	e.GET("/a", func(c echo.Context) error {
		conn, rw, err := c.Response().Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: none\r\n\r\n")
		return rw.Flush()
	}, auditecho.Intent(tracker, publish))
	s := frameworktest.Serve(t, e)
	status, _, err := frameworktest.Send(t, s, http.MethodGet, "/a", nil, "User", "alice", "Connection", "Upgrade", "Upgrade", "none")
	require.NoError(t, err)
	require.Equal(t, 101, status)
	require.Eventually(t, func() bool { return len(records.Records()) > 1 }, 10*time.Second, time.Millisecond)
	records.RequireRecords(t,
		`{`+alice+intent+`"attempt":"its own","outcome":"unknown",`+get("")+`}`,
		`{`+alice+intent+`"attempt":"the first","outcome":"success",`+get("")+`}`,
	)
}

// TestStream checks that a response is not buffered, and that the handler runs in the
// scope.
func TestStream(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	seen := make(chan struct{})
	e, _ := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(byUser)))
	e.GET("/a", func(c echo.Context) error {
		_, _ = io.WriteString(c.Response(), "one\n")
		c.Response().Flush()
		<-seen
		_, _ = io.WriteString(c.Response(), "two\n")
		return tracker.Track(c.Request().Context(), audit.Event{Action: "article.read"})
	}, auditecho.Intent(tracker, publish))
	s := frameworktest.Serve(t, e)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/a", nil)
	require.NoError(t, err)
	r.Header.Set("User", "alice")
	r.Header.Set("User-Agent", "test/1.0")
	response, err := s.Client().Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "one\n", line)
	begun := `{` + alice + intent + `"attempt":"its own","outcome":"unknown",` + get("") + `}`
	records.RequireRecords(t, begun)
	close(seen)
	line, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "two\n", line)
	s.Close()
	records.RequireRecords(t,
		begun,
		`{`+alice+`"action":"article.read","kind":"intent","outcome":"unknown",`+get("")+`}`,
		`{`+alice+intent+`"attempt":"the first","outcome":"success",`+get(`"http.response.status_code":200,`)+`}`,
	)
}

// TestClientHangsUp cancels the request while the handler runs.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	entered, ended := make(chan struct{}), make(chan struct{})
	e, handled := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(byUser)))
	e.GET("/a", func(c echo.Context) error {
		ctx := c.Request().Context()
		close(entered)
		<-ctx.Done()
		assert.NoError(t, tracker.Track(ctx, audit.Event{Action: "article.read", Kind: audit.KindSignal}))
		return ctx.Err()
	}, auditecho.Intent(tracker, publish))
	s := frameworktest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		e.ServeHTTP(w, r)
	}))
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/a", nil)
	require.NoError(t, err)
	r.Header.Set("User", "alice")
	r.Header.Set("User-Agent", "test/1.0")
	go func() {
		<-entered
		hangUp()
	}()
	response, err := s.Client().Do(r)
	if !assert.ErrorIs(t, err, context.Canceled) {
		response.Body.Close()
	}
	<-ended
	require.Equal(t, 1, *handled)
	records.RequireRecords(t,
		`{`+alice+intent+`"outcome":"failure",`+get("")+`}`,
		`{`+alice+`"action":"article.read","kind":"signal","outcome":"unknown",`+get("")+`}`,
	)
}

// TestTrackAfterRequest tracks from goroutines whose requests have ended and whose
// echo.Context serves other requests. The actor is the one that was found before, or none,
// but never another request's.
func TestTrackAfterRequest(t *testing.T) {
	t.Parallel()
	const requests = 1000
	tracker, records := frameworktest.NewTracker(t)
	var late sync.WaitGroup
	errs := make([]error, requests)
	release := make([]chan struct{}, requests)
	for n := range release {
		release[n] = make(chan struct{})
	}
	e, _ := newEcho()
	e.Use(auditecho.Middleware(auditecho.WithActor(func(c echo.Context) (audit.Actor, error) {
		return audit.User(c.Param("user") + c.Get("mark").(string)), nil
	})))
	e.GET("/:user", func(c echo.Context) error {
		n, err := strconv.Atoi(c.Param("user"))
		assert.NoError(t, err)
		c.Set("mark", "!")
		ctx := c.Request().Context()
		if n%2 == 0 {
			assert.NoError(t, tracker.Track(ctx, audit.Event{Action: "request.early"}))
		}
		late.Go(func() {
			<-release[n]
			errs[n] = tracker.Track(ctx, audit.Event{Action: "request.late", Metadata: []attribute.KeyValue{attribute.Int("user", n)}})
		})
		return c.NoContent(200)
	})
	s := frameworktest.Serve(t, e)
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for n := client; n < requests; n += 4 {
				_, _, err := frameworktest.Send(t, s, http.MethodGet, "/"+strconv.Itoa(n), nil)
				assert.NoError(t, err)
				if before := n - 40; before >= 0 { // another request uses its context
					close(release[before])
				}
			}
		})
	}
	clients.Wait()
	for n := requests - 40; n < requests; n++ {
		close(release[n])
	}
	s.Close()
	late.Wait()
	for n, err := range errs {
		if n%2 == 0 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, audit.ErrNoActor, "the actor function must not be called after the request")
		}
	}
	count := 0
	for _, r := range records.Records() {
		if r.Action != "request.late" {
			continue
		}
		count++
		own := attribute.NewSet(r.Metadata...)
		n, ok := own.Value("user")
		require.True(t, ok)
		require.Equal(t, strconv.FormatInt(n.AsInt64(), 10)+"!", r.Actor.ID)
	}
	require.Equal(t, requests/2, count)
}
