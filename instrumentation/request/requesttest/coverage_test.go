package requesttest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/instrumentation/request/requesttest"
	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeTB is a testing.TB that collects messages and continues after Fatalf.
type fakeTB struct {
	testing.TB
	errors   []string
	logs     []string
	cleanups []func()
}

func (*fakeTB) Helper() {}

func (f *fakeTB) Log(args ...any) { f.logs = append(f.logs, fmt.Sprint(args...)) }

func (f *fakeTB) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fakeTB) Fatalf(format string, args ...any) { f.Errorf(format, args...) }

func (f *fakeTB) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }

// end runs the cleanups, as at the end of a test.
func (f *fakeTB) end() {
	for _, cleanup := range f.cleanups {
		cleanup()
	}
}

// newHandler returns a service whose DELETE route lacks an intent.
func newHandler(tracker audit.Tracker, options ...audithttp.Option) http.Handler {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "none" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	mux := http.NewServeMux()
	mux.Handle("PUT /articles/{id}", audithttp.Intent(tracker, audit.Event{Action: "article.update", Target: audit.Target{Type: "article", ID: "1"}}, ok))
	mux.Handle("DELETE /articles/{id}", ok)
	mux.Handle("GET /articles/{id}", ok)
	mux.Handle("POST /search", ok)
	actor := audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User("42"), nil })
	return audithttp.Middleware(append(options, actor)...)(mux)
}

func ignore(context.Context, error) {}

func newRequest(method, path string) *http.Request { return httptest.NewRequest(method, path, nil) }

func ExampleCheckCoverage() {
	t := &fakeTB{} // the test's *testing.T
	defer t.end()

	tracker := audittest.NewRecorder(t).Tracker("example.com/shop")
	rules, err := policy.New(policy.Rule{Name: "search", Routes: []string{"/search"}, Exempt: "it changes nothing"})
	if err != nil {
		t.Fatalf("%v", err)
	}
	quiet := audithttp.WithErrorHandler(ignore)
	handler := newHandler(tracker, audithttp.WithCoverage(tracker, rules), quiet)
	routes := audithttp.Routes("GET /articles/{id}", "PUT /articles/{id}", "DELETE /articles/{id}", "POST /articles", "POST /search")
	requesttest.CheckCoverage(t, handler, []*http.Request{
		newRequest("GET", "/articles/1"),
		newRequest("PUT", "/articles/1"),
		newRequest("DELETE", "/articles/1"),
		newRequest("POST", "/search"),
	}, routes...)
	fmt.Print(t.logs[0])
	fmt.Println()
	for _, message := range t.errors {
		fmt.Println(message)
	}
	// Output:
	// POST    /articles       no request
	// DELETE  /articles/{id}  missing
	// GET     /articles/{id}  not required
	// PUT     /articles/{id}  audited
	// POST    /search         exempt: it changes nothing
	//
	// requesttest: DELETE /articles/1: the request recorded neither an intent nor a signal about its target
	// requesttest: POST /articles: no request is one of this route, so nothing shows that it records an event; add one
}

func TestCheckCoverage(t *testing.T) {
	t.Parallel()
	tracker := audittest.NewRecorder(t).Tracker("test")
	tb := &fakeTB{}
	handler := newHandler(tracker, audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(ignore))
	got := requesttest.CheckCoverage(tb, handler, []*http.Request{
		newRequest("PUT", "/articles/1"), newRequest("PUT", "/articles/2"), newRequest("PUT", "/articles/none"), newRequest("DELETE", "/articles/1"),
	})
	assert.Equal(t, []requesttest.RouteCoverage{
		{Method: "DELETE", Route: "/articles/{id}", Verdict: request.VerdictMissing, Requests: 1},
		{Method: "PUT", Route: "/articles/{id}", Verdict: request.VerdictAudited, Requests: 3},
	}, got)
	require.Len(t, tb.errors, 2)
	assert.Contains(t, tb.errors[0], "failed with status 404")
	assert.Contains(t, tb.errors[1], "recorded neither an intent nor a signal about its target")

	tb = &fakeTB{}
	assert.Empty(t, requesttest.CheckCoverage(tb, newHandler(tracker), []*http.Request{newRequest("PUT", "/articles/1")}))
	require.Len(t, tb.errors, 1)
	assert.Contains(t, tb.errors[0], "no middleware checked the coverage of the request")
}

// TestRoutesWithoutRequest checks which routes of a router need a request.
func TestRoutesWithoutRequest(t *testing.T) {
	t.Parallel()
	tracker := audittest.NewRecorder(t).Tracker("test")
	handler := newHandler(tracker, audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(ignore))
	check := func(routes []request.Route, requests ...*http.Request) (*fakeTB, []requesttest.RouteCoverage) {
		tb := &fakeTB{}
		return tb, requesttest.CheckCoverage(tb, handler, requests, routes...)
	}

	tb, got := check(audithttp.Routes("GET /articles/{id}", "PUT example.com/articles/{id}", "/articles/{id}", "/feed"), newRequest("PUT", "/articles/1"))
	assert.Equal(t, []requesttest.RouteCoverage{
		{Method: "GET", Route: "/articles/{id}"},
		{Method: "PUT", Route: "/articles/{id}", Verdict: request.VerdictAudited, Requests: 1},
		{Method: "", Route: "/feed", Verdict: request.VerdictMissing},
	}, got)
	assert.Equal(t, []string{"requesttest: /feed: no request is one of this route, so nothing shows that it records an event; add one"}, tb.errors)

	tb, _ = check(audithttp.Routes("/articles/{id}"), newRequest("GET", "/articles/1"))
	require.Len(t, tb.errors, 1, "a request that reads does not stand for one that writes")
}
