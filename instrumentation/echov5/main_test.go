package auditecho_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// trail is an exporter that keeps the records.
type trail struct {
	mu      sync.Mutex
	records []*record.Record
}

func (s *trail) Name() string { return "trail" }

func (s *trail) Export(_ context.Context, records []*record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.records = append(s.records, r.Clone())
	}
	return nil
}

func (s *trail) Shutdown(context.Context) error { return nil }

// all returns the records, except those of rejections.
func (s *trail) all() []*record.Record {
	return slices.DeleteFunc(s.everything(), func(r *record.Record) bool { return r.Action == semconv.ActionRejected })
}

func (s *trail) everything() []*record.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

// requireRecords compares whole records in their wire form, without members that differ
// from run to run or are always the same.
func (s *trail) requireRecords(t *testing.T, want []string) {
	t.Helper()
	all := s.all()
	require.Len(t, all, len(want))
	for i, r := range all {
		b, err := r.AppendJSON(nil)
		require.NoError(t, err)
		var members map[string]any
		require.NoError(t, json.Unmarshal(b, &members))
		for _, name := range []string{"id", "time", "observed_time"} {
			require.NotEmpty(t, members[name])
			delete(members, name)
		}
		require.Equal(t, map[string]any{"name": "test"}, members["tracker"])
		delete(members, "tracker")
		switch r.Attempt {
		case r.ID:
			members["attempt"] = "its own"
		case all[0].ID:
			members["attempt"] = "the first"
		}
		line, err := json.Marshal(members)
		require.NoError(t, err)
		require.JSONEq(t, want[i], string(line))
	}
}

// newTracker returns a tracker whose provider is shut down when the test ends.
func newTracker(tb testing.TB) (audit.Tracker, *trail) {
	tb.Helper()
	s := &trail{}
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s), sdk.WithResource(resource.Empty()))
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, p.Shutdown(context.Background())) })
	return p.Tracker("test"), s
}

// newEcho returns a server that logs nothing, and the number of calls of its error
// handler: one for each error, whoever calls it.
func newEcho() (*echo.Echo, *int) {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	handled := new(int)
	e.HTTPErrorHandler = func(c *echo.Context, err error) {
		*handled++
		echo.DefaultHTTPErrorHandler(false)(c, err)
	}
	return e, handled
}

// serve starts a server that is closed when the test ends.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// do sends a request and returns the status and body of the response, or the client's
// error.
func do(t *testing.T, s *httptest.Server, method, path string, body io.Reader, header ...string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	require.NoError(t, err)
	r.Header.Set("User-Agent", "test/1.0")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := s.Client().Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// byUser is an actor function that trusts the header User.
func byUser(c *echo.Context) (audit.Actor, error) {
	if id := c.Request().Header.Get("User"); id != "" {
		return audit.User(id), nil
	}
	return audit.Actor{}, nil
}

// byToken is an actor function for Echo's JWT middleware.
func byToken(c *echo.Context) (audit.Actor, error) {
	token, ok := c.Get("user").(*jwt.Token)
	if !ok {
		return audit.Actor{}, nil
	}
	id, err := token.Claims.GetSubject()
	return audit.Actor{Type: audit.ActorUser, ID: id, AuthMethod: "jwt"}, err
}

var jwtKey = []byte("of these tests")

// bearer returns the Authorization header of a user.
func bearer(id string) string {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Subject: id}).SignedString(jwtKey)
	if err != nil {
		panic(err)
	}
	return "Bearer " + token
}

// answer returns a handler that only writes a status.
func answer(status int) echo.HandlerFunc {
	return func(c *echo.Context) error { return c.NoContent(status) }
}

// fail returns a handler that only returns an error.
func fail(err error) echo.HandlerFunc {
	return func(*echo.Context) error { return err }
}

// middlewareFunc returns a middleware that calls f.
func middlewareFunc(f func(c *echo.Context, next echo.HandlerFunc) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error { return f(c, next) }
	}
}
