package audithttp_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// observer collects the results of coverage checks.
type observer struct {
	mu      sync.Mutex
	results []request.CoverageResult
}

func (o *observer) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(request.ContextWithCoverageObserver(r.Context(), func(c request.CoverageResult) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.results = append(o.results, c)
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
		policy.Rule{Name: "reads", Methods: []string{http.MethodGet}, RequireEvent: true},
	)
	require.NoError(t, err)
	signal := audit.Event{
		Kind: audit.KindSignal, Action: "article.update", Operation: audit.OperationUpdate, Target: audit.Target{Type: "a", ID: "1"},
	}

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
		{"forgotten, without an actor", "DELETE", nil, handler(nil, 200), "", request.VerdictMissing, 1},
		{"redirected", "PUT", nil, handler(nil, 303), "alice", request.VerdictMissing, 1},
		{"an intent", "POST", nil, handler(&publish, 200), "alice", request.VerdictAudited, 1},
		{"a signal", "PATCH", nil, handler(&signal, 200), "alice", request.VerdictAudited, 1},
		{"a read", "GET", nil, handler(nil, 200), "alice", request.VerdictNotRequired, 0},
		{"an audited read", "GET", nil, handler(&publish, 200), "alice", request.VerdictAudited, 1},
		{"denied", "POST", nil, handler(nil, 403), "alice", request.VerdictNotRequired, 0},
		{"failed", "POST", nil, handler(nil, 500), "alice", request.VerdictNotRequired, 0},
		{"exempt", "POST", exempt, handler(nil, 200), "alice", request.VerdictExempt, 0},
		{"exempt and audited", "POST", exempt, handler(&publish, 200), "alice", request.VerdictAudited, 1},
		{"a read that a rule covers", "GET", exempt, handler(nil, 200), "alice", request.VerdictMissing, 1},
		{"no rule", "PUT", exempt, handler(nil, 200), "alice", request.VerdictMissing, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			late, checks := &errorLog{}, &observer{}
			mux := http.NewServeMux()
			mux.Handle("/a/{id}", tt.handler(tracker))
			s := serve(t, checks.wrap(audithttp.Middleware(
				audithttp.WithActor(byUser), audithttp.WithCoverage(tracker, tt.policy), audithttp.WithErrorHandler(late.handle),
			)(mux)))
			_, _, err := do(t, s, tt.method, "/a/1", "User", tt.user)
			require.NoError(t, err)
			s.Close()
			require.Len(t, checks.results, 1)
			got := checks.results[0]
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

// Two nested middlewares report a request once.
func TestCoverageOnce(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	late, checks := &errorLog{}, &observer{}
	middleware := audithttp.Middleware(audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(late.handle))
	s := serve(t, checks.wrap(middleware(middleware(answer(200)))))
	_, _, err := do(t, s, http.MethodPost, "/")
	require.NoError(t, err)
	s.Close()
	assert.Len(t, late.all(), 1)
	records.one(t)
	require.Len(t, checks.results, 2)
	assert.Equal(t, request.VerdictMissing, checks.results[0].Verdict, "that of the inner middleware")
}

// An event in a queue, such as that of a database monitor, counts once it is known what it
// is about.
func TestCoverageOfExpectedEvent(t *testing.T) {
	t.Parallel()
	own := audit.Target{Type: "article", ID: "1"}
	for _, tt := range []struct {
		status int
		signal audit.Target
		want   []string
	}{
		{http.StatusOK, own, []string{"article.update"}},
		{http.StatusOK, audit.Target{Type: "session", ID: "1"}, []string{"audit.coverage.missing", "article.update"}},
		{http.StatusForbidden, own, []string{"access.denied", "article.update"}},
	} {
		tracker, records := newTracker(t)
		returned := make(chan struct{})
		s := serve(t, audithttp.Middleware(
			audithttp.WithCoverage(tracker, nil), audithttp.WithDenials(tracker), audithttp.WithErrorHandler((&errorLog{}).handle),
		)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			audit.SetTarget(ctx, own)
			done := plumbing.Expect(audit.ScopeFromContext(ctx))
			go func() {
				defer done()
				<-returned
				assert.NoError(t, tracker.Track(ctx, audit.Event{
					Kind: audit.KindSignal, Action: "article.update", Operation: audit.OperationUpdate, Target: tt.signal,
				}))
			}()
			defer close(returned)
			w.WriteHeader(tt.status)
		})))
		_, _, err := do(t, s, http.MethodPost, "/")
		require.NoError(t, err)
		s.Close()
		var actions []string
		for _, r := range records.all() {
			actions = append(actions, r.Action)
		}
		assert.ElementsMatch(t, tt.want, actions, "%+v", tt)
	}
}

// An event that is about to be rejected counts for nothing.
func TestCoverageOfRejectedEvent(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	asked, late := make(chan struct{}), &errorLog{}
	answered := make(chan struct{})
	s := serve(t, audithttp.Middleware(
		audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(late.handle),
		audithttp.WithActor(func(r *http.Request) (audit.Actor, error) {
			close(asked)
			<-answered
			return audit.User("alice"), nil
		}),
	)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		go func() { assert.Error(t, tracker.Track(r.Context(), audit.Event{Action: "not valid!"})) }()
		<-asked
		defer close(answered)
	})))
	_, _, err := do(t, s, http.MethodPost, "/")
	require.NoError(t, err)
	s.Close()
	assert.Equal(t, "audit.coverage.missing", records.one(t).Action)
}

// Whoever the actor is, a missing event is on record: it is nobody's choice to be anonymous.
func TestCoverageOfActors(t *testing.T) {
	t.Parallel()
	for name, actor := range map[string]audit.Actor{
		"anonymous": audit.Anonymous(), "latin-1": audit.User("jos\xe9"), "nobody": {},
	} {
		tracker, records := newTracker(t)
		late := &errorLog{}
		s := serve(t, audithttp.Middleware(audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(late.handle),
			audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return actor, nil }))(answer(204)))
		_, _, err := do(t, s, http.MethodPost, "/newsletter")
		require.NoError(t, err)
		s.Close()
		require.Len(t, records.everything(), 1, name)
		r := records.everything()[0]
		assert.Equal(t, "audit.coverage.missing", r.Action)
		want := actor.Type
		if actor.IsZero() {
			want = audit.ActorUnresolved
		}
		assert.Equal(t, want, r.Actor.Type, name)
		assert.Len(t, late.all(), 1, "that it is missing")
	}
}

// A signal counts only if it is about the target and the operation of the route. The
// handler says what that is, or the route's own words do.
func TestCoverageOfSignals(t *testing.T) {
	t.Parallel()
	const (
		create = audit.OperationCreate
		read   = audit.OperationRead
		update = audit.OperationUpdate
		remove = audit.OperationDelete
	)
	article, session := audit.Target{Type: "article", ID: "1"}, audit.Target{Type: "session", ID: "1"}
	for _, tt := range []struct {
		name         string
		method, path string
		set          audit.Target // by the handler
		operation    audit.Operation
		target       audit.Target
		want         request.Verdict
	}{
		{"of the route", "POST", "/articles/1", audit.Target{}, update, article, request.VerdictAudited},
		{"of the handler", "POST", "/transfer", article, update, article, request.VerdictAudited},
		{"created", "POST", "/articles", audit.Target{}, create, article, request.VerdictAudited},
		{"deleted", "DELETE", "/articles/1", audit.Target{}, remove, article, request.VerdictAudited},

		{"a touched session", "POST", "/transfer", audit.Target{}, update, session, request.VerdictMissing},
		{"a touched session with the ID of the route", "POST", "/articles/1", audit.Target{}, update, session, request.VerdictMissing},
		{"not the handler's target", "POST", "/articles/1", audit.Target{Type: "article", ID: "2"}, update, article, request.VerdictMissing},
		{"another type", "POST", "/transfer", article, update, session, request.VerdictMissing},
		{"touched instead of deleted", "DELETE", "/articles/1", audit.Target{}, update, article, request.VerdictMissing},
		{"read instead of changed", "PUT", "/articles/1", article, read, article, request.VerdictMissing},
		{"an operation that nobody knows", "POST", "/articles/1", article, 0, article, request.VerdictMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, _ := newTracker(t)
			checks := &observer{}
			handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if tt.set.Type != "" {
					audit.SetTarget(r.Context(), tt.set)
				}
				assert.NoError(t, tracker.Track(r.Context(), audit.Event{
					Kind: audit.KindSignal, Action: "data.touched", Operation: tt.operation, Target: tt.target,
				}))
			})
			mux := http.NewServeMux()
			mux.Handle("/articles/{id}", handler)
			mux.Handle("/", handler)
			mux.Handle("/articles", audithttp.Middleware()(handler)) // what it learns reaches the outer one
			s := serve(t, checks.wrap(audithttp.Middleware(
				audithttp.WithActor(byUser), audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler((&errorLog{}).handle),
			)(mux)))
			_, _, err := do(t, s, tt.method, tt.path, "User", "alice")
			require.NoError(t, err)
			s.Close()
			require.Len(t, checks.results, 1)
			assert.Equal(t, tt.want, checks.results[0].Verdict)
		})
	}
}

// Every method that is not known to be safe must leave an event. What the client made up is
// neither in the error nor in the metric.
func TestCoverageOfMethods(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{
		"GET": "", "HEAD": "", "OPTIONS": "", "TRACE": "",
		"POST": "POST", "MOVE": "MOVE", "PROPFIND": "PROPFIND", "CONNECT": "CONNECT", "QUERY": "QUERY",
		"post": "_OTHER", "get": "_OTHER", "Delete": "_OTHER", "S3CR3T": "_OTHER",
	} {
		tracker, records := newTracker(t)
		late := &errorLog{}
		h := audithttp.Middleware(audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(late.handle))(answer(200))
		r := httptest.NewRequest("GET", "/transfer", nil)
		r.Method = method
		h.ServeHTTP(httptest.NewRecorder(), r)
		if want == "" {
			assert.Empty(t, records.all(), method)
			continue
		}
		assert.Equal(t, "audit.coverage.missing", records.one(t).Action, method)
		assert.Equal(t, []error{&audithttp.CoverageError{Method: want}}, late.all())
	}
}

// A request whose event failed recorded none.
func TestCoverageOfFailedEvent(t *testing.T) {
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

func TestCoverageMetric(t *testing.T) { // not parallel: it sets the global meter provider
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
	t.Error("metric not found")
}

func TestCoverageOfOverriddenMethod(t *testing.T) {
	t.Parallel()
	searches, err := policy.New(policy.Rule{Name: "searches", Methods: []string{http.MethodPost}, Exempt: "a search that takes a body"})
	require.NoError(t, err)
	tracker, _ := newTracker(t)
	var seen observer
	var errs errorLog
	s := serve(t, seen.wrap(audithttp.Middleware(
		audithttp.WithActor(byUser), audithttp.WithCoverage(tracker, searches), audithttp.WithErrorHandler(errs.handle),
	)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.Method = r.Header.Get("X-HTTP-Method-Override")
	}))))
	status, _, err := do(t, s, http.MethodPost, "/articles/1", "User", "42", "X-HTTP-Method-Override", http.MethodDelete)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, seen.results, 1)
	assert.Equal(t, request.VerdictMissing, seen.results[0].Verdict)
	assert.Equal(t, http.MethodDelete, seen.results[0].Method)
	require.Len(t, errs.all(), 1)
	assert.Equal(t, &audithttp.CoverageError{Method: http.MethodDelete}, errs.all()[0])
}
