package audithttp_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
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

func (s *trail) one(t *testing.T) *record.Record {
	t.Helper()
	all := s.all()
	require.Len(t, all, 1)
	return all[0]
}

// json returns the records in their wire form, without members that differ from run to
// run or are always the same.
func (s *trail) json(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, r := range s.all() {
		b, err := r.AppendJSON(nil)
		require.NoError(t, err)
		var members map[string]any
		require.NoError(t, json.Unmarshal(b, &members))
		for _, name := range []string{"id", "time", "observed_time"} {
			assert.NotEmpty(t, members[name])
			delete(members, name)
		}
		assert.Equal(t, map[string]any{"name": "test"}, members["tracker"])
		delete(members, "tracker")
		line, err := json.Marshal(members)
		require.NoError(t, err)
		lines = append(lines, string(line))
	}
	return lines
}

// statusCode returns the status in r.
func statusCode(t *testing.T, r *record.Record) int64 {
	t.Helper()
	own := attribute.NewSet(r.Metadata...)
	status, ok := own.Value(semconv.HTTPResponseStatusCodeKey)
	require.True(t, ok)
	return status.AsInt64()
}

// newTracker returns a tracker whose provider is shut down when the test ends.
func newTracker(tb testing.TB, opts ...sdk.Option) (audit.Tracker, *trail) {
	tb.Helper()
	s := &trail{}
	p, err := sdk.NewTrackerProvider(append(opts, sdk.WithSyncer(s), sdk.WithResource(resource.Empty()))...)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, p.Shutdown(context.Background())) })
	return p.Tracker("test"), s
}

// serve starts a server that is closed when the test ends.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	return serveWith(t, &http.Server{Handler: h})
}

func serveWith(t *testing.T, config *http.Server) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config = config
	s.Config.ErrorLog = quiet
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// do sends a request and returns the status and body of the response, or the client's
// error.
func do(t *testing.T, s *httptest.Server, method, path string, header ...string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
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
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// byUser is an actor function that trusts the header User.
func byUser(r *http.Request) (audit.Actor, error) {
	if id := r.Header.Get("User"); id != "" {
		return audit.User(id), nil
	}
	return audit.Actor{}, nil
}

// answer returns a handler that only writes a status.
func answer(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

// errorLog is an error handler that collects the errors.
type errorLog struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorLog) handle(ctx context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		err = ctx.Err() // it must not be canceled with the request
	}
	l.errs = append(l.errs, err)
}

func (l *errorLog) all() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.errs)
}
