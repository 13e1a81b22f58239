package audithttp_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// observed collects verdicts.
type observed struct {
	mu  sync.Mutex
	all []request.CoverageResult
}

func (o *observed) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(request.ContextWithCoverageObserver(r.Context(), func(c request.CoverageResult) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.all = append(o.all, c)
		})))
	})
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	handler := func(e *audit.Event, status int) func(audit.Tracker) http.HandlerFunc {
		return func(tracker audit.Tracker) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if e != nil {
					assert.NoError(t, tracker.Track(r.Context(), *e))
				}
				w.WriteHeader(status)
			}
		}
	}
	exempt, err := policy.New(
		policy.Rule{Name: "search", Routes: []string{"/a/*"}, Methods: []string{http.MethodPost}, Exempt: "a search that takes a body"},
		policy.Rule{Name: "reads", Methods: []string{http.MethodGet}, Cover: true},
	)
	require.NoError(t, err)
	signal := audit.Event{Kind: audit.KindSignal, Action: "article.update", Target: audit.Target{Type: "article", ID: "1"}}

	tests := []struct {
		name    string
		method  string
		policy  *policy.Policy
		handler func(audit.Tracker) http.HandlerFunc
		user    string
		want    request.Verdict
		records int
	}{
		{"forgotten", "POST", nil, handler(nil, 204), "alice", request.VerdictMissing, 1},
		{"forgotten, by nobody", "DELETE", nil, handler(nil, 200), "", request.VerdictMissing, 1},
		{"redirected", "PUT", nil, handler(nil, 303), "alice", request.VerdictMissing, 1},
		{"an intent", "POST", nil, handler(&publish, 200), "alice", request.VerdictAudited, 1},
		{"a signal", "PATCH", nil, handler(&signal, 200), "alice", request.VerdictAudited, 1},
		{"a read", "GET", nil, handler(nil, 200), "alice", request.VerdictNotRequired, 0},
		{"an audited read", "GET", nil, handler(&publish, 200), "alice", request.VerdictAudited, 1},
		{"refused", "POST", nil, handler(nil, 403), "alice", request.VerdictNotRequired, 0},
		{"failed", "POST", nil, handler(nil, 500), "alice", request.VerdictNotRequired, 0},
		{"exempt", "POST", exempt, handler(nil, 200), "alice", request.VerdictExempt, 0},
		{"exempt and audited", "POST", exempt, handler(&publish, 200), "alice", request.VerdictAudited, 1},
		{"a read that a rule wants audited", "GET", exempt, handler(nil, 200), "alice", request.VerdictMissing, 1},
		{"no rule", "PUT", exempt, handler(nil, 200), "alice", request.VerdictMissing, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			late, verdicts := &errorLog{}, &observed{}
			mux := http.NewServeMux()
			mux.Handle("/a/{id}", tt.handler(tracker))
			s := serve(t, verdicts.around(audithttp.Middleware(
				audithttp.WithActor(byUser), audithttp.WithCoverage(tracker, tt.policy), audithttp.WithErrorHandler(late.handle),
			)(mux)))
			_, _, err := do(t, s, tt.method, "/a/1", "User", tt.user)
			require.NoError(t, err)
			s.Close()
			require.Len(t, verdicts.all, 1)
			got := verdicts.all[0]
			assert.Equal(t, tt.want, got.Verdict)
			assert.Equal(t, tt.method, got.Method)
			assert.Equal(t, "/a/{id}", got.Route)
			assert.Equal(t, tt.want == request.VerdictExempt, got.Exemption != "")
			require.Len(t, records.all(), tt.records)
			if tt.want != request.VerdictMissing {
				assert.Empty(t, late.all())
				return
			}
			var reported *audithttp.CoverageError
			require.Len(t, late.all(), 1)
			require.ErrorAs(t, late.all()[0], &reported)
			assert.Equal(t, audithttp.CoverageError{Method: tt.method, Route: "/a/{id}"}, *reported)
			r := records.one(t)
			assert.Equal(t, "audit.coverage.missing", r.Action)
			assert.Equal(t, audit.KindSignal, r.Kind)
			assert.Equal(t, audit.Target{Type: "route", ID: "/a/{id}"}, r.Target)
			if tt.user == "" {
				assert.Equal(t, audit.ActorUnresolved, r.Actor.Type)
			} else {
				assert.Equal(t, audit.User(tt.user), r.Actor)
			}
		})
	}
}

// Two middlewares report a request once.
func TestCoverageOnce(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	late, verdicts := &errorLog{}, &observed{}
	wrap := audithttp.Middleware(audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(late.handle))
	s := serve(t, verdicts.around(wrap(wrap(answer(200)))))
	_, _, err := do(t, s, http.MethodPost, "/")
	require.NoError(t, err)
	s.Close()
	assert.Len(t, late.all(), 1)
	records.one(t)
	require.Len(t, verdicts.all, 2)
	assert.Equal(t, request.VerdictMissing, verdicts.all[0].Verdict, "of the one further in")
}

// An event that is on its way through a queue, as a database's monitor has one, is a
// trace, and so is no second one needed of a refusal.
func TestCoverageOfAnEventThatIsExpected(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusForbidden} {
		tracker, records := newTracker(t)
		late := &errorLog{}
		ended := make(chan struct{})
		judged := func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r.WithContext(request.ContextWithCoverageObserver(r.Context(), func(request.CoverageResult) { close(ended) })))
			})
		}
		s := serve(t, judged(audithttp.Middleware(
			audithttp.WithCoverage(tracker, nil), audithttp.WithDenials(tracker), audithttp.WithErrorHandler(late.handle),
		)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			done := audit.ScopeFromContext(ctx).Expect()
			go func() {
				defer done()
				<-ended
				assert.NoError(t, tracker.Track(ctx, audit.Event{Kind: audit.KindSignal, Action: "article.update"}))
			}()
			w.WriteHeader(status)
		}))))
		_, _, err := do(t, s, http.MethodPost, "/")
		require.NoError(t, err)
		s.Close()
		assert.Empty(t, late.all())
		assert.Equal(t, "article.update", records.one(t).Action)
	}
}

// A request whose event is refused is one without a trace.
func TestCoverageOfAnEventThatFailed(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	late := &errorLog{}
	s := serve(t, audithttp.Middleware(audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(late.handle))(
		audithttp.Intent(tracker, publish, answer(200))))
	_, _, err := do(t, s, http.MethodPost, "/")
	require.NoError(t, err)
	s.Close()
	require.Len(t, late.all(), 2)
	require.ErrorIs(t, late.all()[0], audit.ErrNoActor)
	assert.Equal(t, "audit.coverage.missing", records.one(t).Action)
}

func TestCoverageMetric(t *testing.T) { // not parallel: it changes what is global
	reader := metric.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	tracker, _ := newTracker(t)
	mux := http.NewServeMux()
	mux.Handle("POST /a/{id}", answer(204))
	s := serve(t, audithttp.Middleware(audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler((&errorLog{}).handle))(mux))
	for range 3 {
		_, _, err := do(t, s, http.MethodPost, "/a/1")
		require.NoError(t, err)
	}
	s.Close()
	var got metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &got))
	for _, scope := range got.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "audit.coverage.missing" {
				continue
			}
			sum, ok := m.Data.(metricdata.Sum[int64])
			require.True(t, ok)
			require.Len(t, sum.DataPoints, 1)
			assert.Equal(t, int64(3), sum.DataPoints[0].Value)
			assert.Equal(t, attribute.NewSet(
				attribute.String("http.request.method", "POST"), attribute.String("http.route", "/a/{id}")), sum.DataPoints[0].Attributes)
			return
		}
	}
	t.Error("there is no metric")
}

func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such session")
	tests := []struct {
		name   string
		behind func(*http.Request, audit.Actor) (audit.Actor, error)
		want   *audit.Actor
		err    error
	}{
		{"somebody", func(r *http.Request, a audit.Actor) (audit.Actor, error) {
			assert.Equal(t, audit.User("admin"), a)
			return audit.User(r.Header.Get("As")), nil
		}, &audit.Actor{Type: audit.ActorUser, ID: "bob"}, nil},
		{"nobody", func(*http.Request, audit.Actor) (audit.Actor, error) { return audit.Actor{}, nil }, nil, nil},
		{"an error", func(*http.Request, audit.Actor) (audit.Actor, error) { return audit.Actor{}, broken }, nil, broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			late := &errorLog{}
			s := serve(t, audithttp.Middleware(
				audithttp.WithActor(byUser), audithttp.WithOnBehalfOf(tt.behind), audithttp.WithErrorHandler(late.handle),
			)(audithttp.Intent(tracker, publish, answer(200))))
			_, _, err := do(t, s, http.MethodPost, "/", "User", "admin", "As", "bob")
			require.NoError(t, err)
			s.Close()
			if tt.err != nil {
				require.Len(t, late.all(), 1)
				require.ErrorIs(t, late.all()[0], tt.err)
				assert.Empty(t, records.all())
				return
			}
			r := records.one(t)
			assert.Equal(t, "admin", r.Actor.ID)
			assert.Equal(t, tt.want, r.Actor.OnBehalfOf)
		})
	}
}
