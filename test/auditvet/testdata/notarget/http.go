// Package notarget has routes without a target.
package notarget

import (
	"context"
	"net/http"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/test/auditvet/testdata/service"
)

var (
	update   = audit.Event{Action: "article.update"}
	handlers = map[string]http.HandlerFunc{}
)

type server struct {
	store service.Store
	hook  func(context.Context)
}

func (s *server) forgets(w http.ResponseWriter, r *http.Request) {
	if err := service.Load(r.Context(), r.PathValue("id")); err != nil {
		http.Error(w, "not found", http.StatusNotFound)
	}
	audit.SetReason(r.Context(), r.FormValue("reason"))
	helper(w)
}

func helper(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }

func (s *server) sets(w http.ResponseWriter, r *http.Request) { s.setsBelow(r) }
func (s *server) setsBelow(r *http.Request)                   { service.RenameAll(r.Context()) }

func (s *server) callsInterface(w http.ResponseWriter, r *http.Request) {
	_ = s.store.Save(r.Context())
}
func (s *server) callsVariable(w http.ResponseWriter, r *http.Request)  { s.hook(r.Context()) }
func (s *server) passesVariable(w http.ResponseWriter, r *http.Request) { run(s.hook) }
func (s *server) savesElsewhere(w http.ResponseWriter, r *http.Request) {
	_ = service.Save(r.Context(), s.store)
}

func (s *server) returnsHandler() http.Handler          { return http.HandlerFunc(s.sets) }
func (s *server) returnsForgetful(int) http.HandlerFunc { return s.forgets }

func (s *server) passesMethod(w http.ResponseWriter, r *http.Request) { run(s.store.Save) }

func run(any) {}

func routes(mux *http.ServeMux, tracker audit.Tracker, s *server, h http.Handler, opts []audithttp.IntentOption) {
	event := audit.Event{Action: "article.update"}
	mux.Handle("PUT /1/{id}", audithttp.Intent(tracker, audit.Event{Action: "article.update"}, http.HandlerFunc(s.forgets)))                   // want `the route intent has no target: set one in the event, by TargetParam, or by audit.SetTarget in the handler`
	mux.Handle("PUT /2/{id}", audithttp.Intent(tracker, audit.Event{}, s.returnsForgetful(1), audithttp.ReasonFrom(audithttp.Form("reason")))) // want `the route intent has no target`
	mux.Handle("PUT /3/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))     // want `the route intent has no target`
	mux.Handle("PUT /4/{id}", audithttp.IntentFunc(tracker, func(r *http.Request, status int) audit.Event {                                    // want `the route intent has no target`
		if status == http.StatusTeapot {
			return audit.Event{Action: "teapot.use"}
		}
		return audit.Event{Action: "article.update", Reason: r.FormValue("reason")}
	}, http.HandlerFunc(s.forgets)))

	mux.Handle("PUT /a/{id}", audithttp.Intent(tracker, audit.Event{Target: audit.Target{Type: "article"}}, http.HandlerFunc(s.forgets)))
	mux.Handle("PUT /b/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.forgets), audithttp.TargetParam("article", "id")))
	mux.Handle("PUT /c/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.forgets), opts...))
	mux.Handle("PUT /d/{id}", audithttp.Intent(tracker, event, http.HandlerFunc(s.forgets)))
	mux.Handle("PUT /e/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.sets)))
	mux.Handle("PUT /f/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.callsInterface)))
	mux.Handle("PUT /g/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.callsVariable)))
	mux.Handle("PUT /h/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.savesElsewhere)))
	mux.Handle("PUT /q/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.passesVariable)))
	mux.Handle("PUT /r/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(s.passesMethod)))
	mux.Handle("PUT /i/{id}", audithttp.Intent(tracker, audit.Event{}, s.returnsHandler()))
	mux.Handle("PUT /j/{id}", audithttp.Intent(tracker, audit.Event{}, h))
	mux.Handle("PUT /k/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(http.NotFound)))
	mux.Handle("PUT /l/{id}", audithttp.Intent(tracker, audit.Event{}, http.NotFoundHandler()))
	mux.Handle("PUT /m/{id}", audithttp.Intent(tracker, audit.Event{}, handlers["m"]))
	mux.Handle("PUT /n/{id}", audithttp.IntentFunc(tracker, func(*http.Request, int) audit.Event { return update }, http.HandlerFunc(s.forgets)))
	mux.Handle("PUT /o/{id}", audithttp.IntentFunc(tracker, func(*http.Request, int) (e audit.Event) { return }, http.HandlerFunc(s.forgets)))
	mux.Handle("PUT /p/{id}", audithttp.Intent(tracker, audit.Event{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := tracker.Track(r.Context(), event); err != nil { // its own event stands for the intent
			w.WriteHeader(http.StatusInternalServerError)
		}
	})))
}
