package frameworktest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/sdk"
)

// Run runs each case against the service that newHandler builds of its description. It
// converts the patterns of routes into the syntax.
func Run(t *testing.T, newHandler func(*Service) http.Handler, syntax Syntax) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, newHandler, syntax)
		})
	}
}

// testCase is a service and the request that is sent to it.
type testCase struct {
	name    string
	service func(t *testing.T, tracker audit.Tracker) *Service
	method  string // POST if empty
	path    string // "/articles/1?q=secret" if empty
	header  []string
	form    string
	status  int // 0: the client gets no response
	body    string
	want    []string // the records, in the form of describe
	errs    []string // the types of what the error handler gets
	options []sdk.Option
}

func (c *testCase) run(t *testing.T, newHandler func(*Service) http.Handler, syntax Syntax) {
	t.Helper()
	recorder := audittest.NewRecorder(t, c.options...)
	service := c.service(t, recorder.Tracker("test"))
	var errs errorLog
	if service.Middleware != nil {
		service.Middleware.ErrorHandler = errs.add
	}
	for i := range service.Routes {
		r := &service.Routes[i]
		r.Group, r.Pattern = syntax.write(r.Group), syntax.write(r.Pattern)
	}
	handler := newHandler(service)
	for _, outside := range slices.Backward(service.Outside) {
		handler = outside(handler)
	}
	status, body := c.send(t, handler)
	if status != c.status {
		t.Errorf("the status is %d, not %d", status, c.status)
	}
	if c.body != "" && body != c.body {
		t.Errorf("the body is %q, not %q", body, c.body)
	}
	got := c.await(t, recorder)
	want := make([]string, len(c.want))
	for i, line := range c.want {
		want[i] = normalize(t, syntax.write(line))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the records are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := errs.all(); !slices.Equal(got, c.errs) && len(got)+len(c.errs) > 0 {
		t.Errorf("the error handler got %q, not %q", got, c.errs)
	}
}

// send serves the request of the case and returns what the client gets. It waits for the
// handler.
func (c *testCase) send(t *testing.T, handler http.Handler) (status int, body string) {
	t.Helper()
	var handlers sync.WaitGroup
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		handler.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	defer handlers.Wait()
	defer s.Close()
	method, path := "POST", "/articles/1?q=secret"
	if c.method != "" {
		method = c.method
	}
	if c.path != "" {
		path = c.path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(c.form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "test/1.0")
	r.Header.Set("User", "alice")
	if c.form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(c.header); i += 2 {
		r.Header.Set(c.header[i], c.header[i+1])
	}
	response, err := s.Client().Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(b)
}

// maxWait bounds how long a record may come after the request.
const maxWait = 10 * time.Second

// await returns the records, in the form of describe. That of a panic that nobody answers
// may come after the request.
func (c *testCase) await(t *testing.T, recorder *audittest.Recorder) []string {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(maxWait)
	for {
		got := describe(t, recorder)
		if len(got) >= len(c.want) {
			return got
		}
		select {
		case <-tick.C:
		case <-deadline:
			return got
		}
	}
}

// describe returns the records in their wire form, without members that differ from run to
// run or are always the same.
func describe(t *testing.T, recorder *audittest.Recorder) []string {
	t.Helper()
	records := recorder.Records()
	lines := make([]string, 0, len(records))
	for _, r := range records {
		b, err := r.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		members := decode(t, string(b))
		maps.DeleteFunc(members, func(name string, _ any) bool {
			return slices.Contains([]string{"id", "time", "observed_time", "tracker", "resource"}, name)
		})
		switch r.Attempt {
		case r.ID:
			members["attempt"] = "its own"
		case records[0].ID:
			members["attempt"] = "the first"
		}
		lines = append(lines, encode(t, members))
	}
	return lines
}

// normalize returns a JSON object with sorted members.
func normalize(t *testing.T, object string) string {
	t.Helper()
	return encode(t, decode(t, object))
}

func decode(t *testing.T, object string) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	return members
}

func encode(t *testing.T, members map[string]any) string {
	t.Helper()
	line, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// errorLog is an error handler that keeps the types of errors.
type errorLog struct {
	mu   sync.Mutex
	errs []string
}

func (l *errorLog) add(_ context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, reflect.TypeOf(err).String())
}

func (l *errorLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.errs)
}
