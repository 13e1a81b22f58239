package auditchi_test

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/opendeed/audit"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
)

// TestFramework runs the cases that all frameworks share, with the middleware in the router
// and around it, and with intents as middlewares and around their handlers.
func TestFramework(t *testing.T) {
	t.Parallel()
	for name, variant := range map[string]variant{
		"used in the router":      {},
		"around the router":       {around: true},
		"intents around handlers": {wraps: true},
		"in groups":               {inline: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frameworktest.Run(t, variant.newService, frameworktest.BracesStar)
		})
	}
}

// variant is a way to write a service on chi.
type variant struct {
	around bool // the middleware wraps the router
	wraps  bool // intents wrap handlers
	inline bool // groups are inline, without a router of their own
}

func (v variant) newService(s *frameworktest.Service) http.Handler {
	router := chi.NewRouter()
	if s.Middleware != nil && !v.around {
		router.Use(auditchi.Middleware(optionsOf(s.Middleware)...))
	}
	router.Use(s.Inside...)
	for _, r := range s.Routes {
		v.add(router, s.Tracker, &r)
	}
	if s.Middleware != nil && v.around {
		return auditchi.Middleware(optionsOf(s.Middleware)...)(router)
	}
	return router
}

// add adds a route, in a group if it has one.
func (v variant) add(router chi.Router, t audit.Tracker, r *frameworktest.Route) {
	group := func(prefix string) func(chi.Router) {
		return func(router chi.Router) {
			if r.GroupMiddleware != nil {
				router.Use(auditchi.Middleware(optionsOf(r.GroupMiddleware)...))
			}
			if r.GroupIntent != nil {
				router.Use(intent(t, r.GroupIntent))
			}
			v.handle(router, t, r, prefix+r.Pattern)
		}
	}
	switch {
	case r.Group == "":
		v.handle(router, t, r, r.Pattern)
	case v.inline:
		router.Group(group(r.Group))
	default:
		router.Route(r.Group, group(""))
	}
}

func (v variant) handle(router chi.Router, t audit.Tracker, r *frameworktest.Route, pattern string) {
	handler := func(w http.ResponseWriter, req *http.Request) {
		r.Handler(w, req, func(name string) string { return chi.URLParam(req, name) })
	}
	intents := make(chi.Middlewares, len(r.Intents))
	for i := range r.Intents {
		intents[i] = intent(t, r.Intents[i])
	}
	if v.wraps {
		router.Method(r.Method, pattern, intents.HandlerFunc(handler))
		return
	}
	router.With(intents...).Method(r.Method, pattern, http.HandlerFunc(handler))
}

func intent(t audit.Tracker, i *frameworktest.Intent) func(http.Handler) http.Handler {
	if i.Func != nil {
		return auditchi.IntentFunc(t, func(r *http.Request, status int) audit.Event {
			return i.Func(r, func(name string) string { return chi.URLParam(r, name) }, status)
		})
	}
	var opts []auditchi.IntentOption
	if i.TargetParam != "" {
		opts = append(opts, auditchi.TargetParam("article", i.TargetParam))
	}
	if i.Reason != "" {
		opts = append(opts, auditchi.ReasonFrom(auditchi.Form(i.Reason)))
	}
	if i.Withheld {
		opts = append(opts, auditchi.WithheldAnswer())
	}
	if i.Ticket != "" {
		opts = append(opts, auditchi.MetadataFrom("ticket", auditchi.Header(i.Ticket)))
	}
	return auditchi.Intent(t, i.Event, opts...)
}

func optionsOf(o *frameworktest.Options) []auditchi.Option {
	opts := []auditchi.Option{auditchi.WithTrustedProxies(o.TrustedProxies...)}
	if o.Actor != nil {
		opts = append(opts, auditchi.WithActor(o.Actor))
	}
	if o.OnBehalfOf != nil {
		opts = append(opts, auditchi.WithOnBehalfOf(o.OnBehalfOf))
	}
	if o.Channel != "" {
		opts = append(opts, auditchi.WithChannel(o.Channel))
	}
	if o.Filter != nil {
		opts = append(opts, auditchi.WithFilter(o.Filter))
	}
	if o.Metadata != nil {
		opts = append(opts, auditchi.WithMetadata(o.Metadata))
	}
	if o.Denials != nil {
		opts = append(opts, auditchi.WithDenials(o.Denials))
	}
	if o.Coverage != nil {
		opts = append(opts, auditchi.WithCoverage(o.Coverage, o.Policy))
	}
	if o.ErrorHandler != nil {
		opts = append(opts, auditchi.WithErrorHandler(o.ErrorHandler))
	}
	return opts
}
