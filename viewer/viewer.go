package viewer

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/opendeed/audit/query"
)

// The defaults of options.
const (
	defaultQueryTimeout = 10 * time.Second
	defaultSearches     = 120
	defaultCountBudget  = 40 * time.Millisecond
)

// viewer is the handler.
type viewer struct {
	config

	store     query.Reader
	pages     map[string]page
	templates map[string]*template.Template
	assets    *assets
	policy    string // the header Content-Security-Policy
	limits    *limiter
	searching *slots
	exporting *slots
	counts    *countCache
}

// page is the function of a page. It returns the name of the template and its data.
type page func(*visit) (*content, error)

// New returns a handler that shows the records of a store. The options [Authorize], and
// [WithTracker] or [WithoutRecording], are required.
//
// The handler is safe for concurrent use. It serves GET and HEAD. Its addresses are relative,
// so it mounts under any prefix that http.StripPrefix removes; the prefix ends in a slash.
func New(reader query.Reader, opts ...Option) (http.Handler, error) {
	c := config{
		zone: time.UTC, language: english(), title: "Audit trail", queryTimeout: defaultQueryTimeout, countBudget: defaultCountBudget,
		searches: rate{perMinute: defaultSearches, burst: defaultSearches / 4}, now: time.Now,
		onError: func(ctx context.Context, err error) {
			slog.WarnContext(ctx, "a page of the viewer failed", slog.Any("error", err))
		},
	}
	var errs []error
	for _, opt := range opts {
		errs = append(errs, opt(&c))
	}
	if reader == nil {
		errs = append(errs, errors.New("viewer: New: the reader is nil"))
	}
	if c.authorize == nil {
		errs = append(errs, errors.New("viewer: New: Authorize is missing; it decides who may see what"))
	}
	if (c.tracker == nil) != c.unrecorded {
		errs = append(errs, errors.New("viewer: New: use WithTracker to record who looks, or WithoutRecording, and not both"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	v := &viewer{config: c, store: reader, limits: newLimiter(c.searches, c.now), policy: contentPolicy(c.ancestors), searching: newSlots(maxSearches()), exporting: newSlots(maxExports()), counts: newCountCache()}
	v.pages = map[string]page{
		"": (*visit).timeline, "record": (*visit).record, "object": (*visit).object, "actor": (*visit).actorPage,
		"security": (*visit).security, "health": (*visit).healthPage, "export": (*visit).export,
		"proof": (*visit).proof,
	}
	var err error
	if v.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if v.templates, err = v.parseTemplates(); err != nil {
		return nil, err
	}
	return v, nil
}

// ServeHTTP serves a page or a file.
func (v *viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.setHeaders(w.Header())
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" && !endsInSlash(r) {
		redirectInto(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The trail can only be read.", http.StatusMethodNotAllowed)
		return
	}
	if file, ok := strings.CutPrefix(name, "assets/"); ok {
		v.assets.serve(w, r, file)
		return
	}
	if fromElsewhere(r) {
		v.serveForeign(w, r)
		return
	}
	v.servePage(w, r, name)
}

// endsInSlash reports whether the address as it was requested ends in a slash.
func endsInSlash(r *http.Request) bool {
	requested, _, _ := strings.Cut(r.RequestURI, "?")
	return requested == "" || strings.HasSuffix(requested, "/")
}

// redirectInto redirects from /audit to /audit/: relative addresses need the slash.
func redirectInto(w http.ResponseWriter, r *http.Request) {
	requested, params, _ := strings.Cut(r.RequestURI, "?")
	to := "./" + path.Base(requested) + "/"
	if params != "" {
		to += "?" + params
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusPermanentRedirect)
}

func (v *viewer) servePage(w http.ResponseWriter, r *http.Request, name string) {
	actor, view, err := v.authorize(r)
	if err == nil && actor.IsZero() {
		err = errors.New("the function of Authorize returned no actor")
	}
	if err == nil {
		err = view.validate()
	}
	if err != nil {
		v.onError(r.Context(), err)
		v.serveProblem(w, r, v.anybody(r), errForbidden)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), v.queryTimeout)
	defer cancel()
	visit, err := v.newVisit(ctx, w, r, actor, view)
	if err != nil {
		v.serveProblem(w, r, visit, err)
		return
	}
	show, ok := v.pages[name]
	if !ok {
		v.serveProblem(w, r, visit, errNotFound)
		return
	}
	visit.page = name
	defer func() { visit.release() }()
	c, err := show(visit)
	if err != nil {
		v.serveProblem(w, r, visit, err)
		return
	}
	if c != nil {
		v.render(w, r, http.StatusOK, visit, c)
	}
}
