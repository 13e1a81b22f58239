package main

import (
	"net/http"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/session"
)

func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", login)
	// Each request records one event, whose outcome follows from the response status. What
	// the policy or the validation requires of it is checked before the handler runs.
	account := audithttp.TargetParam("account", "id")
	mux.Handle("GET /accounts/{id}", signedIn(audithttp.Intent(tracker,
		audit.Event{Action: "account.read", Operation: audit.OperationRead}, ownAccount, account)))
	mux.Handle("POST /accounts/{id}/close", signedIn(audithttp.Intent(tracker,
		audit.Event{Action: "account.close", Operation: audit.OperationUpdate}, ownAccount, account,
		audithttp.ReasonFrom(audithttp.Form("reason")), audithttp.MetadataFrom("iban", audithttp.Form("iban")))))
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

// ownAccount takes the place of an application's handlers: it answers who may do something
// with an account, and does nothing.
var ownAccount http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("owner") != "" {
		http.Error(w, "the account belongs to someone else", http.StatusForbidden)
	}
})

// respondError answers a login that was not recorded.
func respondError(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
