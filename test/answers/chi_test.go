package answers_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/opendeed/audit"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
)

// chiService returns a service of chi in a setup.
func chiService(o setup, tracker audit.Tracker, mw middleware, h http.Handler) http.Handler {
	var own chi.Middlewares
	if mw != nil {
		own = chi.Middlewares{mw}
	}
	var opts []auditchi.IntentOption
	if o.withheld {
		opts = append(opts, auditchi.WithheldAnswer())
	}
	intent := auditchi.Intent(tracker, event, opts...)
	scope := auditchi.Middleware(auditchi.WithDenials(tracker), auditchi.WithCoverage(tracker, nil), auditchi.WithErrorHandler(ignore))
	var global, route chi.Middlewares
	switch o.order {
	case bare:
		global = own
	case intentOnly:
		global, route = own, chi.Middlewares{intent}
	case scopeOnly:
		global = slices.Concat(own, chi.Middlewares{scope})
	case outside:
		global, route = slices.Concat(own, chi.Middlewares{scope}), chi.Middlewares{intent}
	case between:
		global, route = chi.Middlewares{scope}, slices.Concat(own, chi.Middlewares{intent})
	case inside:
		global, route = chi.Middlewares{scope}, append(chi.Middlewares{intent}, own...)
	case intentOutside:
		route = append(chi.Middlewares{intent}, own...)
	}
	r := chi.NewRouter()
	r.Use(global...)
	r.With(route...).Handle("/a", h)
	return r
}

// TestChi and TestChiHTTP2 serve the rows of net/http on chi.
func TestChi(t *testing.T) {
	t.Parallel()
	for _, row := range httpRows(t) {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, row.exchange(chiService))
		})
	}
}

func TestChiHTTP2(t *testing.T) {
	t.Parallel()
	for _, row := range httpRows(t) {
		if row.only1 {
			continue
		}
		row.want.differs = nil // HTTP/2 has no connection to close
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compare(t, row.want, row.exchange2(chiService))
		})
	}
}
