package main

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
)

// service implements the API and the admin panel. It does not track changes of single
// articles, since its store does.
type service struct {
	store auditrepo.Store[article, string]
	jobs  *jobs
}

// api is the interface for authors.
func (s *service) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/articles/{id}", s.create)
	mux.HandleFunc("PUT /api/articles/{id}", s.update)
	mux.Handle("POST /api/articles/{id}/archive", audithttp.Intent(tracker,
		audit.Event{Action: "article.archive_requested", Operation: audit.OperationExecute},
		http.HandlerFunc(s.archive), audithttp.TargetParam("article", "id")))
	mux.HandleFunc("POST /api/preview", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	// This handler forgot its event, which WithCoverage reports.
	mux.HandleFunc("POST /api/newsletter", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	return mux
}

// admin is the interface for administrators.
func (s *service) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /admin/articles/{id}", s.update)
	mux.HandleFunc("DELETE /admin/articles/{id}", s.remove)
	mux.HandleFunc("POST /admin/articles/retitle", s.retitle)
	return mux
}

func (s *service) create(w http.ResponseWriter, r *http.Request) {
	a := article{ID: r.PathValue("id"), Title: r.FormValue("title"), Owner: r.FormValue("owner")}
	respond(w, http.StatusCreated, s.store.Create(r.Context(), a))
}

func (s *service) update(w http.ResponseWriter, r *http.Request) {
	ctx := auditrepo.ContextWithReason(r.Context(), r.FormValue("reason"))
	a, err := s.store.Get(ctx, r.PathValue("id"))
	if err == nil {
		a.Title = r.FormValue("title")
		err = s.store.Update(ctx, a)
	}
	respond(w, http.StatusNoContent, err)
}

func (s *service) remove(w http.ResponseWriter, r *http.Request) {
	ctx := auditrepo.ContextWithReason(r.Context(), r.FormValue("reason"))
	respond(w, http.StatusNoContent, s.store.Delete(ctx, r.PathValue("id")))
}

// archive queues a job that archives the article later, on behalf of the same user.
func (s *service) archive(w http.ResponseWriter, r *http.Request) {
	respond(w, http.StatusAccepted, s.jobs.put(r.Context(), r.PathValue("id")))
}

// retitle changes many articles in one statement, and records them as one bulk event. Begin
// checks and records the event first: a request without a reason changes nothing.
func (s *service) retitle(w http.ResponseWriter, r *http.Request) {
	ctx, owner := r.Context(), r.FormValue("owner")
	selector := "owner=" + owner
	attempt, err := audit.Begin(ctx, tracker, audit.Event{
		Action: "article.retitle", Operation: audit.OperationUpdate, Reason: r.FormValue("reason"),
		Target: audit.Target{Type: "article"},
		Bulk:   audit.Bulk{Selector: selector},
	})
	if err == nil {
		ids := articles.retitle(owner, r.FormValue("title"))
		err = attempt.Finish(ctx, audit.Event{
			Outcome: audit.OutcomeSuccess,
			Bulk:    audit.Bulk{Selector: selector, Affected: int64(len(ids)), Sample: ids},
		})
	}
	respond(w, http.StatusNoContent, err)
}

func respond(w http.ResponseWriter, status int, err error) {
	switch invalid, ok := errors.AsType[*audit.ValidationError](err); {
	case err == nil:
	case errors.Is(err, audit.ErrNoActor):
		status = http.StatusUnauthorized
	case errors.Is(err, fs.ErrPermission):
		status = http.StatusForbidden
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	case errors.Is(err, fs.ErrExist):
		status = http.StatusConflict
	case ok && invalid.Field == "reason":
		http.Error(w, "the reason is missing", http.StatusBadRequest)
		return
	default:
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
}
