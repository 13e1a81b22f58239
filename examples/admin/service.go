package main

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/opendeed/audit"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
)

// service is what both doors lead to. Nothing in it tracks a change of an article: its
// store does.
type service struct {
	store auditrepo.Store[article, string]
	jobs  *jobs
}

// api is for those who write articles.
func (s *service) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/articles/{id}", s.create)
	mux.HandleFunc("PUT /api/articles/{id}", s.update)
	mux.HandleFunc("POST /api/articles/{id}/archive", s.archive)
	mux.HandleFunc("POST /api/preview", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("POST /api/newsletter", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }) // forgot
	return mux
}

// admin is for those who look after them.
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

// archive has a job do it, later and elsewhere, in the name of who asked.
func (s *service) archive(w http.ResponseWriter, r *http.Request) {
	err := s.jobs.put(r.Context(), r.PathValue("id"))
	if err == nil {
		err = tracker.Track(r.Context(), audit.Event{
			Action: "article.archive_requested", Operation: audit.OperationExecute, Outcome: audit.OutcomeSuccess,
			Target: audit.Target{Type: "article", ID: r.PathValue("id")},
		})
	}
	respond(w, http.StatusAccepted, err)
}

// retitle changes many articles by one statement, and states it as what it is.
func (s *service) retitle(w http.ResponseWriter, r *http.Request) {
	owner, ids := r.FormValue("owner"), articles.retitle(r.FormValue("owner"), r.FormValue("title"))
	respond(w, http.StatusNoContent, tracker.Track(r.Context(), audit.Event{
		Action: "article.retitle", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Reason: r.FormValue("reason"),
		Target: audit.Target{Type: "article"},
		Bulk:   audit.Bulk{Selector: "owner=" + owner, Affected: int64(len(ids)), Sample: ids},
	}))
}

func respond(w http.ResponseWriter, status int, err error) {
	switch invalid, is := errors.AsType[*audit.ValidationError](err); {
	case err == nil:
	case errors.Is(err, audit.ErrNoActor):
		status = http.StatusUnauthorized
	case errors.Is(err, fs.ErrPermission):
		status = http.StatusForbidden
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	case is && invalid.Field == "reason":
		http.Error(w, "say why", http.StatusBadRequest)
		return
	default:
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
}
