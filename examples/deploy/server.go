package main

import (
	"errors"
	"net/http"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/session"
	"go.opentelemetry.io/otel/attribute"
)

func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", login)
	// Each request records one event, whose outcome follows from the response status.
	mux.Handle("GET /accounts/{id}", signedIn(audithttp.Intent(tracker, audit.Event{
		Action: "account.read", Operation: audit.OperationRead,
	}, http.HandlerFunc(readAccount))))
	mux.Handle("POST /accounts/{id}/close", signedIn(http.HandlerFunc(closeAccount)))
	return audithttp.Middleware(
		audithttp.WithActor(actorOf),
		audithttp.WithChannel(semconv.ChannelAPI),
		audithttp.WithDenials(tracker),
	)(mux)
}

const rightPassword = "correct horse"

// actorOf returns the user of a request. The first event that needs the actor calls it.
func actorOf(r *http.Request) (audit.Actor, error) {
	name, password, _ := r.BasicAuth()
	if password != rightPassword {
		return audit.Actor{}, nil // not signed in: an intent fails with audit.ErrNoActor
	}
	return audit.Actor{Type: audit.ActorUser, ID: name, AuthMethod: "password"}, nil
}

func login(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if password != rightPassword {
		if err := session.TrackLoginFailure(r.Context(), tracker, audit.Event{Target: audit.Target{ID: name}, Reason: "wrong password"}, "password"); err != nil {
			respondError(w, err)
			return
		}
		http.Error(w, "wrong password", http.StatusUnauthorized)
		return
	}
	if err := session.TrackLogin(r.Context(), tracker, audit.Event{Actor: audit.User(name)}, "password"); err != nil {
		respondError(w, err) // no record, no session
	}
}

// signedIn rejects requests without the right password. The middleware records them as
// denied.
func signedIn(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != rightPassword {
			http.Error(w, "sign in first", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func readAccount(w http.ResponseWriter, r *http.Request) {
	audit.SetTarget(r.Context(), audit.Target{Type: "account", ID: r.PathValue("id")})
	if !ownAccount(r) {
		http.Error(w, "the account belongs to someone else", http.StatusForbidden)
	}
}

// ownAccount takes the place of an application's authorization.
func ownAccount(r *http.Request) bool { return r.FormValue("owner") == "" }

// closeAccount closes an account after it has recorded that.
func closeAccount(w http.ResponseWriter, r *http.Request) {
	event := audit.Event{
		Action: "account.close", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "account", ID: r.PathValue("id")}, Reason: r.FormValue("reason"),
		Metadata: []attribute.KeyValue{attribute.String("iban", r.FormValue("iban"))},
	}
	if !ownAccount(r) {
		event.Outcome = audit.OutcomeDenied
	}
	if err := tracker.Track(r.Context(), event); err != nil {
		respondError(w, err)
		return
	}
	if event.Outcome == audit.OutcomeDenied {
		http.Error(w, "the account belongs to someone else", http.StatusForbidden)
	}
}

// respondError chooses the response status for an event that was not recorded.
func respondError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if _, invalid := errors.AsType[*audit.ValidationError](err); invalid {
		status = http.StatusBadRequest
	}
	http.Error(w, err.Error(), status)
}
