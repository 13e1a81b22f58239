package audithttp_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// TestStatus writes statuses in every way.
func TestStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  int
		outcome audit.Outcome
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, 200, audit.OutcomeSuccess},
		{"a status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, audit.OutcomeSuccess},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 307) }, 307, audit.OutcomeSuccess},
		{"401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, 401, audit.OutcomeDenied},
		{"403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403, audit.OutcomeDenied},
		{"404", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 404, audit.OutcomeFailure},
		{"503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, 503, audit.OutcomeFailure},
		{"an interim status first", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(409)
		}, 409, audit.OutcomeFailure},
		{"a status after Write", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("x"))
			w.WriteHeader(500)
		}, 200, audit.OutcomeSuccess},
		{"a status after WriteString", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.WriteHeader(500)
		}, 200, audit.OutcomeSuccess},
		{"a status after ReadFrom", func(w http.ResponseWriter, _ *http.Request) {
			from, ok := w.(io.ReaderFrom)
			if assert.True(t, ok) {
				_, _ = from.ReadFrom(strings.NewReader("x"))
			}
			w.WriteHeader(500)
		}, 200, audit.OutcomeSuccess},
		{"a status after Flush", func(w http.ResponseWriter, _ *http.Request) {
			assert.NoError(t, http.NewResponseController(w).Flush())
			w.WriteHeader(500)
		}, 200, audit.OutcomeSuccess},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, tt.handler)))
			s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			status, _, err := do(t, s, http.MethodGet, "/a", "User", "alice")
			require.NoError(t, err)
			s.Close()
			all := records.all()
			require.NotEmpty(t, all)
			r := all[len(all)-1] // after what a flush began
			assert.Equal(t, tt.status, status, "what the client saw")
			assert.Equal(t, tt.outcome, r.Outcome)
			assert.Equal(t, int64(tt.status), statusCode(t, r))
		})
	}
}

// TestIntentTemplate serves two requests from one event, with a record each.
func TestIntentTemplate(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	e := audit.Event{
		ID: audit.NewID(), Time: time.Unix(1, 0), Kind: audit.KindSignal, Outcome: audit.OutcomeSuccess,
		Action: "article.read", Target: audit.Target{Type: "article"}, Reason: "routine",
	}
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, e, http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if id := r.URL.Query().Get("id"); id != "" {
				audit.SetTarget(r.Context(), audit.Target{Type: "article", ID: id})
			}
			w.WriteHeader(404)
		}))))
	for _, path := range []string{"/?id=1", "/"} {
		_, _, err := do(t, s, http.MethodGet, path, "User", "alice")
		require.NoError(t, err)
	}
	s.Close()
	all := records.all()
	require.Len(t, all, 2)
	require.NotEqual(t, all[0].ID, all[1].ID)
	require.Equal(t, "1", all[0].Target.ID)
	require.Equal(t, audit.Target{Type: "article"}, all[1].Target)
	for _, r := range all {
		require.NotEqual(t, e.ID, r.ID)
		require.False(t, e.Time.Equal(r.Time))
		require.Equal(t, audit.KindIntent, r.Kind)
		require.Equal(t, audit.OutcomeFailure, r.Outcome)
		require.Equal(t, "routine", r.Reason)
	}
}

// TestIntentFuncRequest checks that the event's function gets the request of the handler,
// with the path values that a router set.
func TestIntentFuncRequest(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	mux := http.NewServeMux()
	mux.Handle("/articles/{id}", answer(200))
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.IntentFunc(tracker, func(r *http.Request, _ int) audit.Event {
		assert.NotNil(t, audit.ScopeFromContext(r.Context()))
		return audit.Event{Action: "article.read", Target: audit.Target{Type: "article", ID: r.PathValue("id")}}
	}, mux)))
	_, _, err := do(t, s, http.MethodGet, "/articles/1", "User", "alice")
	require.NoError(t, err)
	s.Close()
	require.Equal(t, audit.Target{Type: "article", ID: "1"}, records.one(t).Target)
}

// TestStream checks that a response is not buffered.
func TestStream(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	seen := make(chan struct{})
	h := audithttp.Intent(tracker, publish, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one\n")
		w.(http.Flusher).Flush()
		<-seen
		_, _ = io.WriteString(w, "two\n")
	}))
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithDenials(tracker))(h))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	r.Header.Set("User", "alice")
	response, err := s.Client().Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "one\n", line)
	begun := records.one(t)
	require.Equal(t, audit.OutcomeUnknown, begun.Outcome)
	require.Equal(t, begun.ID, begun.Attempt, "the event is begun before the client gets anything")
	close(seen)
	line, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "two\n", line)
	s.Close()
	all := records.all()
	require.Len(t, all, 2)
	require.Equal(t, audit.OutcomeSuccess, all[1].Outcome)
	require.Equal(t, begun.ID, all[1].Attempt)
	require.Equal(t, int64(200), statusCode(t, all[1]))
}

// TestHijack hijacks the connection, as a WebSocket does.
func TestHijack(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	h := audithttp.Intent(tracker, publish, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString(line)
		_ = rw.Flush()
	}))
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithDenials(tracker))(h))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	r.Header.Set("User", "alice")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	response, err := s.Client().Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	conn, ok := response.Body.(io.ReadWriter)
	require.True(t, ok)
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "hello\n", line)
	require.Eventually(t, func() bool { return len(records.all()) > 1 }, 10*time.Second, time.Millisecond)
	all := records.all()
	require.Equal(t, all[0].ID, all[0].Attempt)
	require.Equal(t, all[0].ID, all[1].Attempt)
	require.Equal(t, audit.OutcomeSuccess, all[1].Outcome)
	own := attribute.NewSet(all[1].Metadata...)
	require.False(t, own.HasValue(semconv.HTTPResponseStatusCodeKey), "nobody knows what the handler wrote")
}
