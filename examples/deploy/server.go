package main

import (
	"net/http"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", login)
	// One event for each request, by the status of the response.
	mux.Handle("GET /accounts/{id}", signedIn(audithttp.Intent(tracker, audit.Event{
		Action: "account.read", Operation: audit.OperationRead,
	}, http.HandlerFunc(read))))
	mux.Handle("POST /accounts/{id}/close", signedIn(http.HandlerFunc(shut)))
	return audithttp.Middleware(
		audithttp.WithActor(actorOf),
		audithttp.WithChannel(semconv.ChannelAPI),
		audithttp.WithDenials(tracker),
	)(mux)
}

const rightPassword = "correct horse"

// actorOf is asked when an event needs to know who it was.
func actorOf(r *http.Request) (audit.Actor, error) {
	name, password, _ := r.BasicAuth()
	if password != rightPassword {
		return audit.Actor{}, nil // nobody: an intent fails with audit.ErrNoActor
	}
	return audit.Actor{Type: audit.ActorUser, ID: name, AuthMethod: "password"}, nil
}

func login(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if password != rightPassword {
		if err := audit.TrackLoginFailure(r.Context(), tracker, audit.Event{Target: audit.Target{ID: name}, Reason: "wrong password"}, "password"); err != nil {
			fail(w, err)
			return
		}
		http.Error(w, "wrong password", http.StatusUnauthorized)
		return
	}
	if err := audit.TrackLogin(r.Context(), tracker, audit.Event{Actor: audit.User(name)}, "password"); err != nil {
		fail(w, err) // no record, no session
	}
}

// signedIn keeps out who is not. The middleware records that they tried.
func signedIn(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != rightPassword {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func read(w http.ResponseWriter, r *http.Request) {
	_ = audit.SetTarget(r.Context(), audit.Target{Type: "account", ID: r.PathValue("id")})
	if r.FormValue("owner") != "" {
		http.Error(w, "it is another's account", http.StatusForbidden) // only owners may
	}
}

// shut closes an account, once that is recorded.
func shut(w http.ResponseWriter, r *http.Request) {
	event := audit.Event{
		Action: "account.close", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "account", ID: r.PathValue("id")}, Reason: r.FormValue("reason"),
		Metadata: []attribute.KeyValue{attribute.String("iban", r.FormValue("iban"))},
	}
	if r.FormValue("owner") != "" {
		event.Outcome = audit.OutcomeDenied // only owners may
	}
	if err := tracker.Track(r.Context(), event); err != nil {
		fail(w, err)
		return
	}
	if event.Outcome == audit.OutcomeDenied {
		http.Error(w, "it is another's account", http.StatusForbidden)
	}
}

func fail(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
