package request_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/instrumentation/request"
)

// server is the middleware of a framework for one handler.
type server struct {
	config  request.Config
	handler http.Handler
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := request.DescribeHTTP(w, r, routeOf(r))
	d.Actor = func(ctx context.Context) (audit.Actor, error) { return actorOf(r.WithContext(ctx)) }
	x := s.config.Open(r.Context(), &d)
	_ = x.Serve(&request.HTTP{Request: r, Writer: w, Handler: func(w http.ResponseWriter, r *http.Request) error {
		s.handler.ServeHTTP(w, r)
		return nil
	}})
}

// routeOf asks the router of the framework.
func routeOf(*http.Request) string { return "/articles/{id}" }

// actorOf is an option of the application.
func actorOf(r *http.Request) (audit.Actor, error) { return audit.User(r.Header.Get("User")), nil }

func Example() {
	recorder := audittest.NewRecorder(t) // t is the test's *testing.T
	handler := &server{
		config:  request.Config{Denials: recorder.Tracker("example.com/shop")},
		handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }),
	}

	r := httptest.NewRequest(http.MethodDelete, "/articles/1001", nil)
	r.Header.Set("User", "alice")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	for _, r := range recorder.Records() {
		fmt.Println(r.Action, "by", r.Actor.ID, "on", r.Target.Type, r.Target.ID)
	}
	// Output:
	// access.denied by alice on route /articles/{id}
}
