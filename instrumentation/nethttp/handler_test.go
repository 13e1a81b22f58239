package audithttp_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

type post struct {
	Title string `audit:"title"`
}

// A handler completes the event of its route.
func TestHandlerCompletesIntent(t *testing.T) {
	t.Parallel()
	edit := audit.Event{Action: "post.edit", Operation: audit.OperationUpdate, Metadata: []attribute.KeyValue{attribute.String("by", "route")}}
	for name, tt := range map[string]struct {
		handle  func(ctx context.Context, w http.ResponseWriter)
		outcome audit.Outcome
		marks   []mark.Mark
	}{
		"done": {
			handle: func(ctx context.Context, _ http.ResponseWriter) {
				audit.SetChanges(ctx, post{"a"}, post{"b"})
				audit.SetReason(ctx, "a typing error")
				audit.AddMetadata(ctx, attribute.String("by", "handler"))
			},
			outcome: audit.OutcomeSuccess,
		},
		"failed": {
			handle: func(ctx context.Context, w http.ResponseWriter) {
				audit.SetChanges(ctx, post{"a"}, post{"b"})
				audit.SetReason(ctx, "a typing error")
				audit.AddMetadata(ctx, attribute.String("by", "handler"))
				w.WriteHeader(http.StatusConflict)
			},
			outcome: audit.OutcomeFailure, marks: []mark.Mark{{Path: "changes", Kind: mark.Requested}},
		},
		"denied with 200": {
			handle: func(ctx context.Context, _ http.ResponseWriter) {
				audit.SetChanges(ctx, post{"a"}, post{"b"})
				audit.SetReason(ctx, "a typing error")
				audit.AddMetadata(ctx, attribute.String("by", "handler"))
				audit.SetOutcome(ctx, audit.OutcomeDenied)
			},
			outcome: audit.OutcomeDenied, marks: []mark.Mark{{Path: "changes", Kind: mark.Requested}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var late errorLog
			tracker, records := newTracker(t)
			mux := http.NewServeMux()
			mux.Handle("PUT /posts/{id}", audithttp.Intent(tracker, edit, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tt.handle(r.Context(), w)
			}), audithttp.TargetParam("post", "id")))
			s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithErrorHandler(late.handle))(mux))
			_, _, err := do(t, s, http.MethodPut, "/posts/7", "User", "alice")
			require.NoError(t, err)
			s.Close()
			r := records.one(t)
			assert.Equal(t, tt.outcome, r.Outcome)
			assert.Equal(t, audit.Target{Type: "post", ID: "7"}, r.Target)
			assert.Equal(t, "a typing error", r.Reason)
			require.Len(t, r.Changes, 1)
			assert.Equal(t, tt.marks, r.Marks)
			assert.Contains(t, r.Metadata, attribute.String("by", "handler"))
			assert.Empty(t, late.all())
		})
	}
}

// What a handler says in vain reaches the middleware's error handler and the provider's.
func TestHandlerWordsInVain(t *testing.T) {
	t.Parallel()
	var late, provider errorLog
	tracker, records := newTracker(t, sdk.WithErrorHandler(provider.handle))
	kept := make(chan context.Context, 2)
	says := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		audit.SetTarget(r.Context(), audit.Target{Type: "post", ID: "1"}) // denials and coverage use it
		audit.SetReason(r.Context(), "why")
		kept <- r.Context()
	})
	mux := http.NewServeMux()
	mux.Handle("/without", says)
	mux.Handle("/with", audithttp.Intent(tracker, publish, says))
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithErrorHandler(late.handle))(mux))
	for _, path := range []string{"/without", "/with"} {
		_, _, err := do(t, s, http.MethodPost, path, "User", "alice")
		require.NoError(t, err)
	}
	s.Close()
	require.Len(t, late.all(), 1)
	require.ErrorIs(t, late.all()[0], audit.ErrNoIntent)
	assert.Equal(t, "why", records.one(t).Reason)

	<-kept
	audit.SetReason(<-kept, "too late")
	require.Len(t, late.all(), 2)
	require.ErrorIs(t, late.all()[1], audit.ErrScopeEnded)
	require.Equal(t, late.all()[1:], provider.all())
}

// An intent without a target is reported, if the middleware checks that. So are two events
// of one deed with different actions.
func TestIntentChecks(t *testing.T) {
	t.Parallel()
	own := audit.Target{Type: "post", ID: "1"}
	edit := audit.Event{Action: "post.edit", Operation: audit.OperationUpdate}
	for name, tt := range map[string]struct {
		options  []audithttp.Option
		track    audit.Event // by the handler
		set      audit.Target
		status   int
		reported string
		records  int
	}{
		"no target":             {status: 200, options: []audithttp.Option{audithttp.WithTargetCheck()}, reported: "post.edit of route /posts has no target", records: 1},
		"no target, not done":   {status: 404, options: []audithttp.Option{audithttp.WithTargetCheck()}, records: 1},
		"no target, no check":   {status: 200, records: 1},
		"a target":              {status: 200, options: []audithttp.Option{audithttp.WithTargetCheck()}, set: own, records: 1},
		"two actions":           {status: 200, set: own, track: audit.Event{Action: "post.update", Operation: audit.OperationUpdate, Target: own, Outcome: audit.OutcomeSuccess}, reported: "the handler recorded post.update", records: 2},
		"the same action":       {status: 200, set: own, track: audit.Event{Action: "post.edit", Operation: audit.OperationUpdate, Target: own, Outcome: audit.OutcomeSuccess}, records: 1},
		"another target":        {status: 200, set: own, track: audit.Event{Action: "post.update", Operation: audit.OperationUpdate, Target: audit.Target{Type: "post", ID: "2"}, Outcome: audit.OutcomeSuccess}, records: 2},
		"another operation":     {status: 200, set: own, track: audit.Event{Action: "post.read", Operation: audit.OperationRead, Target: own, Outcome: audit.OutcomeSuccess}, records: 2},
		"a failed try and more": {status: 200, set: own, track: audit.Event{Action: "post.update", Operation: audit.OperationUpdate, Target: own, Outcome: audit.OutcomeFailure}, records: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var late errorLog
			tracker, records := newTracker(t, sdk.WithErrorHandler(func(context.Context, error) {}))
			mux := http.NewServeMux()
			mux.Handle("/posts", audithttp.Intent(tracker, edit, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.set.Type != "" {
					audit.SetTarget(r.Context(), tt.set)
				}
				if tt.track.Action != "" {
					assert.NoError(t, tracker.Track(r.Context(), tt.track))
				}
				w.WriteHeader(tt.status)
			})))
			s := serve(t, audithttp.Middleware(append(tt.options, audithttp.WithActor(byUser), audithttp.WithErrorHandler(late.handle))...)(mux))
			_, _, err := do(t, s, http.MethodPost, "/posts", "User", "alice")
			require.NoError(t, err)
			s.Close()
			assert.Len(t, records.all(), tt.records)
			if tt.reported == "" {
				assert.Empty(t, late.all())
				return
			}
			require.Len(t, late.all(), 1)
			require.ErrorContains(t, late.all()[0], tt.reported)
		})
	}
}

// One action is the same however it is written, also beside an attempt of the route.
func TestIntentCheckOfNormalizedAction(t *testing.T) {
	t.Parallel()
	var late errorLog
	tracker, records := newTracker(t, sdk.WithErrorHandler(late.handle))
	own := audit.Target{Type: "post", ID: "1"}
	edit := audit.Event{Action: " Post.Edit", Operation: audit.OperationUpdate, Target: own}
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithErrorHandler(late.handle))(
		audithttp.Intent(tracker, edit, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			event := edit
			event.Outcome = audit.OutcomeSuccess
			assert.NoError(t, tracker.Track(r.Context(), event))
		}), audithttp.WithheldAnswer())))
	_, _, err := do(t, s, http.MethodPost, "/", "User", "alice")
	require.NoError(t, err)
	s.Close()
	assert.Empty(t, late.all())
	assert.Len(t, records.all(), 3, "the attempt, the handler's event and the end of the attempt")
}

// A service that was built with a nil tracker would abort each request after its handler.
func TestNilTracker(t *testing.T) {
	t.Parallel()
	none := http.NotFoundHandler()
	for option, build := range map[string]func(){
		"audithttp.Intent":      func() { audithttp.Intent(nil, audit.Event{Action: "article.update"}, none) },
		"audithttp.WithDenials": func() { audithttp.Middleware(audithttp.WithDenials(nil)) },
		"WithCoverage":          func() { audithttp.Middleware(audithttp.WithCoverage(nil, nil)) },
		"Intent of a method":    func() { request.NewMethodIntent(nil, audit.Event{Action: "article.update"}) },
	} {
		assert.PanicsWithValue(t, option+": the tracker is nil; make it before the routes, with Tracker of the provider or of "+
			"audit.GetTrackerProvider()", build)
	}
}
