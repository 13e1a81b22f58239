package audithttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
)

// printer is an exporter that prints each record.
type printer struct{}

func (printer) Name() string { return "printer" }

func (printer) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		fmt.Printf("%s %s by %s %s on %s %s\n", r.Action, r.Outcome, r.Actor.Type, r.Actor.ID, r.Target.Type, r.Target.ID)
		for _, kv := range r.Metadata {
			switch kv.Key {
			case semconv.HTTPRouteKey, semconv.URLPathKey, semconv.HTTPResponseStatusCodeKey:
				fmt.Printf("  %s = %s\n", kv.Key, kv.Value.String())
			}
		}
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

// currentUser is the application's authentication.
func currentUser(r *http.Request) (audit.Actor, error) {
	user, _, ok := r.BasicAuth()
	if !ok {
		return audit.Actor{}, nil // no actor: Track returns audit.ErrNoActor
	}
	return audit.Actor{Type: audit.ActorUser, ID: user, AuthMethod: "password"}, nil
}

func Example() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")
	publish := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		audit.SetTarget(r.Context(), audit.Target{Type: "article", ID: r.PathValue("id")})
		w.WriteHeader(http.StatusNoContent)
	})

	mux := http.NewServeMux()
	mux.Handle("POST /articles/{id}/publish", audithttp.Intent(tracker,
		audit.Event{Action: "article.publish"}, publish))
	handler := audithttp.Middleware(
		audithttp.WithActor(currentUser),
		audithttp.WithChannel(semconv.ChannelAPI),
		audithttp.WithDenials(tracker),
	)(mux)

	request := httptest.NewRequest(http.MethodPost, "/articles/1001/publish", nil)
	request.SetBasicAuth("alice", "secret")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// article.publish success by user alice on article 1001
	//   http.response.status_code = 204
	//   http.route = /articles/{id}/publish
	//   url.path = /articles/1001/publish
}

func ExampleMiddleware() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")

	mux := http.NewServeMux()
	mux.HandleFunc("DELETE /articles/{id}", func(w http.ResponseWriter, r *http.Request) {
		err := tracker.Track(r.Context(), audit.Event{
			Action:  "article.delete",
			Target:  audit.Target{Type: "article", ID: r.PathValue("id")},
			Outcome: audit.OutcomeSuccess,
		})
		if err != nil { // nothing is deleted without a record
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	handler := audithttp.Middleware(
		audithttp.WithChannel(semconv.ChannelAPI),
		audithttp.WithActor(currentUser),
	)(mux)

	request := httptest.NewRequest(http.MethodDelete, "/articles/1001", nil)
	request.SetBasicAuth("alice", "secret")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// article.delete success by user alice on article 1001
	//   http.route = /articles/{id}
	//   url.path = /articles/1001
}

func ExampleIntent() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")

	mux := http.NewServeMux()
	mux.Handle("POST /articles/{id}/publish", audithttp.Intent(tracker, audit.Event{Action: "article.publish"},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			audit.SetTarget(r.Context(), audit.Target{Type: "article", ID: r.PathValue("id")})
			w.WriteHeader(http.StatusForbidden)
		})))
	handler := audithttp.Middleware(audithttp.WithActor(byUser))(mux)

	request := httptest.NewRequest(http.MethodPost, "/articles/1001/publish", nil)
	request.Header.Set("User", "alice")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// article.publish denied by user alice on article 1001
	//   http.response.status_code = 403
	//   http.route = /articles/{id}/publish
	//   url.path = /articles/1001/publish
}

// The answer waits for the record, and the handler for the begin of the record.
func ExampleWithheldAnswer() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/payouts")

	mux := http.NewServeMux()
	mux.Handle("POST /payouts/{id}", audithttp.Intent(tracker, audit.Event{Action: "payout.send"},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sent") }),
		audithttp.TargetParam("payout", "id"),
		audithttp.WithheldAnswer(),
		audithttp.OnUnrecorded(func(w http.ResponseWriter, _ *http.Request, _ error, _ int) {
			http.Error(w, "sent, but not recorded yet; do not send it again", http.StatusAccepted)
		})))
	handler := audithttp.Middleware(audithttp.WithActor(byUser))(mux)

	request := httptest.NewRequest(http.MethodPost, "/payouts/7", nil)
	request.Header.Set("User", "alice")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// payout.send unknown by user alice on payout 7
	//   http.route = /payouts/{id}
	//   url.path = /payouts/7
	// payout.send success by user alice on payout 7
	//   http.response.status_code = 200
	//   http.route = /payouts/{id}
	//   url.path = /payouts/7
}

func ExampleIntentFunc() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop/articles")

	mux := http.NewServeMux()
	mux.Handle("PUT /articles/{id}", audithttp.IntentFunc(tracker, func(r *http.Request, status int) audit.Event {
		e := audit.Event{Action: "article.update", Target: audit.Target{Type: "article", ID: r.PathValue("id")}}
		if status == http.StatusCreated {
			e.Action = "article.create"
		}
		return e
	}, answer(http.StatusCreated)))
	handler := audithttp.Middleware(audithttp.WithActor(byUser))(mux)

	request := httptest.NewRequest(http.MethodPut, "/articles/1001", nil)
	request.Header.Set("User", "alice")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	// Output:
	// article.create success by user alice on article 1001
	//   http.response.status_code = 201
	//   http.route = /articles/{id}
	//   url.path = /articles/1001
}

func ExampleWithDenials() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop")

	mux := http.NewServeMux()
	mux.Handle("/reset/{token}", answer(http.StatusUnauthorized))
	handler := audithttp.Middleware(audithttp.WithDenials(tracker))(mux)

	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/reset/hunter2", nil))
	// Output:
	// access.denied denied by anonymous  on route /reset/{token}
	//   http.response.status_code = 401
	//   http.route = /reset/{token}
	//   url.path = /reset/***REDACTED***
}
