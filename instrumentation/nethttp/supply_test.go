package audithttp_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// strict returns a tracker whose policy requires a reason, a ticket and a target.
func strict(t *testing.T) (audit.Tracker, *trail) {
	t.Helper()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "metadata.ticket", "target"}})
	require.NoError(t, err)
	s := &trail{}
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(s), sdk.WithPolicy(rules))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Shutdown(context.Background())) })
	return p.Tracker("test"), s
}

// What a route supplies is checked before its handler runs.
func TestSupply(t *testing.T) {
	t.Parallel()
	publish := audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}
	options := []audithttp.IntentOption{
		audithttp.TargetParam("article", "slug"), audithttp.ReasonFrom(audithttp.Form("why")), audithttp.MetadataFrom("ticket", audithttp.Header("Ticket")),
	}
	for _, tt := range []struct {
		name        string
		options     []audithttp.IntentOption
		why, ticket string
		user        string
		status      int
		body        string
		actor       audit.Actor
		fields      []string // that are missing
	}{
		{"all there", options, "spam", "T-1", "alice", 204, "", audit.User("alice"), nil},
		{"no reason", options, "", "T-1", "alice", 422, "missing or empty: reason\n", audit.User("alice"), []string{"reason"}},
		{"a blank reason", options, " \u00a0\u200b", "T-1", "alice", 422, "missing or empty: reason\n", audit.User("alice"), []string{"reason"}},
		{"nothing", options, "", "", "alice", 422, "missing or empty: reason, metadata.ticket\n", audit.User("alice"), []string{"reason", "metadata.ticket"}},
		{"nobody", options, "", "T-1", "", 422, "missing or empty: reason\n", audit.Actor{Type: audit.ActorUnresolved}, []string{"reason"}},
		{"nobody, and the answer is withheld", append(options[:3:3], audithttp.WithheldAnswer()), "spam", "T-1", "", 422, "nothing was done: it is not known who asks for it\n", audit.Actor{Type: audit.ActorUnresolved}, []string{"actor"}},
		{"a target that is missing", []audithttp.IntentOption{audithttp.TargetParam("article", "nothing")}, "", "", "alice", 422, "missing or empty: target\n", audit.User("alice"), []string{"target"}},
		{"an application's answer", append(options[:3:3], audithttp.OnUnmet(func(w http.ResponseWriter, _ *http.Request, err error) {
			var unmet *audit.UnmetError
			assert.ErrorAs(t, err, &unmet)
			assert.Equal(t, "article.publish", unmet.Action)
			assert.Equal(t, []string{"reason"}, unmet.Fields)
			http.Error(w, "say why", http.StatusBadRequest)
		})), "", "T-1", "alice", 400, "say why\n", audit.User("alice"), []string{"reason"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := strict(t)
			late := &errorLog{}
			ran := 0
			mux := http.NewServeMux()
			mux.Handle("POST /articles/{slug}", audithttp.Intent(tracker, publish, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				ran++
				w.WriteHeader(http.StatusNoContent)
			}), tt.options...))
			s := serve(t, audithttp.Middleware(
				audithttp.WithActor(byUser), audithttp.WithCoverage(tracker, nil), audithttp.WithErrorHandler(late.handle))(mux))
			status, body, err := do(t, s, http.MethodPost, "/articles/hello?why="+url.QueryEscape(tt.why), "User", tt.user, "Ticket", tt.ticket)
			require.NoError(t, err)
			s.Close()
			assert.Equal(t, tt.status, status)
			assert.Equal(t, tt.body, body)
			all := records.everything()
			require.Len(t, all, 1)
			r := all[0]
			assert.Equal(t, tt.actor, r.Actor)
			if tt.fields == nil {
				assert.Equal(t, 1, ran)
				assert.Equal(t, "article.publish", r.Action)
				assert.Equal(t, audit.Target{Type: "article", ID: "hello"}, r.Target)
				assert.Equal(t, "spam", r.Reason)
				assert.Empty(t, r.Marks)
				assert.Empty(t, late.all())
				return
			}
			assert.Zero(t, ran, "the handler ran")
			assert.Equal(t, semconv.ActionRejected, r.Action)
			values := map[attribute.Key]attribute.Value{}
			for _, kv := range r.Metadata {
				values[kv.Key] = kv.Value
			}
			assert.Equal(t, tt.fields, values[semconv.RejectedFieldsKey].AsStringSlice())
			assert.Equal(t, "article.publish", values[semconv.RejectedActionKey].AsString())
			assert.Equal(t, "POST", values[semconv.HTTPRequestMethodKey].AsString())
		})
	}
}

// A handler asks before its side effect. What is only found missing afterwards is recorded,
// marked and reported.
func TestReady(t *testing.T) {
	t.Parallel()
	publish := audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}
	tracker, records := strict(t)
	late := &errorLog{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		audit.SetReason(ctx, r.FormValue("why"))
		assert.NoError(t, audit.Run(ctx, func(ctx context.Context) error { // an inner scope of the handler
			return audit.ScopeFromContext(ctx).Set(audit.WithTenant("acme"))
		}))
		if err := audit.Ready(ctx); r.URL.Query().Has("careful") && err != nil {
			var unmet *audit.UnmetError
			assert.ErrorAs(t, err, &unmet)
			http.Error(w, strings.Join(unmet.Fields, " "), http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux := http.NewServeMux()
	ticket := audithttp.MetadataFrom("ticket", audithttp.Query("ticket"))
	mux.Handle("/articles/{slug}", audithttp.Intent(tracker, publish, handler, audithttp.TargetParam("article", "slug"), ticket))
	mux.Handle("/func/{slug}", audithttp.IntentFunc(tracker, func(r *http.Request, status int) audit.Event {
		return audit.Event{Action: "article.seek", Target: audit.Target{Type: "article", ID: r.PathValue("slug")}}
	}, handler, ticket))
	mux.Handle("/none", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.ErrorIs(t, audit.Ready(r.Context()), audit.ErrNoIntent)
	}))
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithErrorHandler(late.handle))(mux))
	get := func(path string) (int, string) {
		status, body, err := do(t, s, http.MethodGet, path, "User", "alice")
		require.NoError(t, err)
		return status, body
	}
	for _, route := range []string{"/articles/hello", "/func/hello"} {
		status, _ := get(route + "?careful&why=spam&ticket=T-1")
		assert.Equal(t, 204, status)
		status, body := get(route + "?careful&why=%20&ticket=T-1")
		assert.Equal(t, 409, status)
		assert.Equal(t, "reason\n", body)
		status, _ = get(route + "?ticket=T-1")
		assert.Equal(t, 204, status)
	}
	get("/none")
	s.Close()

	var marked, whole, failed int
	for _, r := range records.all() {
		assert.Equal(t, audit.Target{Type: "article", ID: "hello"}, r.Target)
		switch {
		case r.Outcome != audit.OutcomeSuccess:
			failed++
			assert.Equal(t, []mark.Mark{{Path: "reason", Kind: mark.PolicyUnmet}}, r.Marks)
		case len(r.Marks) > 0:
			marked++
			assert.Equal(t, []mark.Mark{{Path: "reason", Kind: mark.PolicyUnmet}}, r.Marks)
		default:
			whole++
			assert.Equal(t, "spam", r.Reason)
		}
	}
	assert.Equal(t, 2, whole)
	assert.Equal(t, 2, failed, "the refused requests are failures of their routes")
	assert.Equal(t, 2, marked)
	require.Len(t, late.all(), 4)
	for _, err := range late.all() {
		unmet, ok := errors.AsType[*sdk.PolicyError](err)
		require.True(t, ok, "%v", err)
		assert.True(t, unmet.Recorded)
	}
}

// A parameter that the route does not have is reported.
func TestTargetParamOfAnotherRoute(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	late := &errorLog{}
	mux := http.NewServeMux()
	mux.Handle("/articles/{slug...}", audithttp.Intent(tracker, publish, answer(200), audithttp.TargetParam("article", "slgu")))
	mux.Handle("/pages/{slug...}", audithttp.Intent(tracker, publish, answer(200), audithttp.TargetParam("page", "slug")))
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithErrorHandler(late.handle))(mux))
	for _, path := range []string{"/articles/a/b", "/pages/a/b"} {
		_, _, err := do(t, s, http.MethodPost, path, "User", "alice")
		require.NoError(t, err)
	}
	s.Close()
	require.Len(t, late.all(), 1)
	assert.EqualError(t, late.all()[0], `audit: route /articles/{slug...} has no parameter "slgu"; give TargetParam one that it has`)
	assert.Equal(t, audit.Target{Type: "page", ID: "a/b"}, records.all()[1].Target)
}
