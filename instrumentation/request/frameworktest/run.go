package frameworktest

import (
	"cmp"
	"net/http"
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
	var errs Errors
	if service.Middleware != nil {
		service.Middleware.ErrorHandler = errs.Handle
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
	var types []string
	for _, err := range errs.All() {
		types = append(types, reflect.TypeOf(err).String())
	}
	if !slices.Equal(types, c.errs) {
		t.Errorf("the error handler got %q, not %q", types, c.errs)
	}
	want := make([]string, len(c.want))
	for i, line := range c.want {
		want[i] = syntax.write(line)
	}
	requireRecords(t, got, want)
}

// send serves the request of the case and returns what the client gets. It waits for the
// handler.
func (c *testCase) send(t *testing.T, handler http.Handler) (status int, body string) {
	t.Helper()
	var handlers sync.WaitGroup
	defer handlers.Wait()
	s := Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		handler.ServeHTTP(w, r)
	}))
	defer s.Close()
	header := c.header
	if !slices.Contains(header, "User") {
		header = append([]string{"User", "alice"}, header...)
	}
	if c.form != "" {
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	}
	status, body, err := Send(t, s, cmp.Or(c.method, http.MethodPost), cmp.Or(c.path, "/articles/1?q=secret"), strings.NewReader(c.form), header...)
	if err != nil {
		return 0, err.Error()
	}
	return status, body
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
		got := describe(t, recorder.Records())
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
