package frameworktest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNetHTTP runs the cases on net/http. It is not among the tests of that package: in a
// program that uses audittest, every intent needs a target.
func TestNetHTTP(t *testing.T) {
	t.Parallel()
	frameworktest.Run(t, newService, frameworktest.Braces)
}

// newService returns a service on a ServeMux.
func newService(s *frameworktest.Service) http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.Routes {
		h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.Handler(w, req, req.PathValue) }))
		for _, i := range slices.Backward(append([]*frameworktest.Intent{r.GroupIntent}, r.Intents...)) {
			h = withIntent(s.Tracker, i, h)
		}
		if r.GroupMiddleware != nil {
			h = audithttp.Middleware(optionsOf(r.GroupMiddleware)...)(h)
		}
		mux.Handle(r.Method+" "+strings.TrimSuffix(r.Group+r.Pattern, "/"), h)
	}
	handler := http.Handler(mux)
	if s.Middleware == nil {
		return handler
	}
	opts := optionsOf(s.Middleware)
	for _, inside := range slices.Backward(s.Inside) {
		handler = inside(handler)
		opts = append(opts, audithttp.WithRoute(func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }))
	}
	return audithttp.Middleware(opts...)(handler)
}

func withIntent(t audit.Tracker, i *frameworktest.Intent, h http.Handler) http.Handler {
	if i == nil {
		return h
	}
	if i.Func != nil {
		return audithttp.IntentFunc(t, func(r *http.Request, status int) audit.Event { return i.Func(r, r.PathValue, status) }, h)
	}
	return audithttp.Intent(t, i.Event, h, intentOptions(i)...)
}

func intentOptions(i *frameworktest.Intent) (opts []audithttp.IntentOption) {
	if i.TargetParam != "" {
		opts = append(opts, audithttp.TargetParam("article", i.TargetParam))
	}
	if i.Reason != "" {
		opts = append(opts, audithttp.ReasonFrom(audithttp.Form(i.Reason)))
	}
	if i.Withheld {
		opts = append(opts, audithttp.WithheldAnswer())
	}
	if i.Ticket != "" {
		opts = append(opts, audithttp.MetadataFrom("ticket", audithttp.Header(i.Ticket)))
	}
	return opts
}

func optionsOf(o *frameworktest.Options) []audithttp.Option {
	opts := []audithttp.Option{audithttp.WithTrustedProxies(o.TrustedProxies...)}
	if o.Actor != nil {
		opts = append(opts, audithttp.WithActor(o.Actor))
	}
	if o.OnBehalfOf != nil {
		opts = append(opts, audithttp.WithOnBehalfOf(o.OnBehalfOf))
	}
	if o.Channel != "" {
		opts = append(opts, audithttp.WithChannel(o.Channel))
	}
	if o.Filter != nil {
		opts = append(opts, audithttp.WithFilter(o.Filter))
	}
	if o.Metadata != nil {
		opts = append(opts, audithttp.WithMetadata(o.Metadata))
	}
	if o.Denials != nil {
		opts = append(opts, audithttp.WithDenials(o.Denials))
	}
	if o.Coverage != nil {
		opts = append(opts, audithttp.WithCoverage(o.Coverage, o.Policy))
	}
	if o.ErrorHandler != nil {
		opts = append(opts, audithttp.WithErrorHandler(o.ErrorHandler))
	}
	return opts
}
