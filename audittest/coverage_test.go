package audittest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Log prints, so that an example can show it.
func (f *fakeTB) Log(args ...any) { f.logged = append(f.logged, fmt.Sprint(args...)) }

// articles is a service that forgets an intent.
func articles(tracker audit.Tracker, options ...audithttp.Option) http.Handler {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "none" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	mux := http.NewServeMux()
	mux.Handle("PUT /articles/{id}", audithttp.Intent(tracker, audit.Event{Action: "article.update"}, ok))
	mux.Handle("DELETE /articles/{id}", ok)
	mux.Handle("GET /articles/{id}", ok)
	mux.Handle("POST /search", ok)
	actor := audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User("42"), nil })
	return audithttp.NewMiddleware(append(options, actor)...)(mux)
}

func ignore(context.Context, error) {}

func request(method, path string) *http.Request { return httptest.NewRequest(method, path, nil) }

func ExampleCoverage() {
	t := &fakeTB{} // the test's *testing.T
	defer t.end()

	tracker := audittest.NewRecorder(t).Tracker("example.com/shop")
	rules, err := policy.New(policy.Rule{Name: "search", Routes: []string{"/search"}, Exempt: "it changes nothing"})
	if err != nil {
		t.Fatalf("%v", err)
	}
	quiet := audithttp.WithErrorHandler(ignore)
	audittest.Coverage(t, articles(tracker, audithttp.WithCoverage(tracker, rules), quiet), []*http.Request{
		request("GET", "/articles/1"),
		request("PUT", "/articles/1"),
		request("DELETE", "/articles/1"),
		request("POST", "/search"),
	})
	fmt.Print(t.logged[0])
	fmt.Println()
	fmt.Println(t.said[0])
	// Output:
	// DELETE  /articles/{id}  missing
	// GET     /articles/{id}  not required
	// PUT     /articles/{id}  audited
	// POST    /search         exempt: it changes nothing
	//
	// audittest: DELETE /articles/1: the request left neither intent nor signal
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	tracker := audittest.NewRecorder(t).Tracker("test")
	fake := &fakeTB{}
	handler := articles(tracker, audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(ignore))
	got := audittest.Coverage(fake, handler, []*http.Request{
		request("PUT", "/articles/1"), request("PUT", "/articles/2"), request("PUT", "/articles/none"), request("DELETE", "/articles/1"),
	})
	assert.Equal(t, []audittest.RouteCoverage{
		{Method: "DELETE", Route: "/articles/{id}", Verdict: audithttp.Missing, Requests: 1},
		{Method: "PUT", Route: "/articles/{id}", Verdict: audithttp.Audited, Requests: 3},
	}, got)
	require.Len(t, fake.said, 2)
	assert.Contains(t, fake.said[0], "failed with the status 404")
	assert.Contains(t, fake.said[1], "left neither intent nor signal")

	fake = &fakeTB{}
	assert.Empty(t, audittest.Coverage(fake, articles(tracker), []*http.Request{request("PUT", "/articles/1")}))
	require.Len(t, fake.said, 1)
	assert.Contains(t, fake.said[0], "no middleware with audithttp.WithCoverage")
}
