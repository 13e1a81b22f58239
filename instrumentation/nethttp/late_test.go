package audithttp_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

type userKey struct{}

// TestActorFromTrackContext runs authentication after the middleware, which puts the user
// only into the context.
func TestActorFromTrackContext(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	calls := 0
	s := serve(t, audithttp.Middleware(audithttp.WithActor(func(r *http.Request) (audit.Actor, error) {
		calls++
		if id, ok := r.Context().Value(userKey{}).(string); ok && r.URL.Path == "/a" {
			return audit.User(id), nil
		}
		return audit.Actor{}, nil
	}))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e := audit.Event{Action: "article.read"}
		assert.ErrorIs(t, tracker.Track(r.Context(), e), audit.ErrNoActor)
		ctx := context.WithValue(r.Context(), userKey{}, "alice")
		assert.NoError(t, tracker.Track(ctx, e))
		assert.NoError(t, tracker.Track(r.Context(), e), "the actor is kept")
	})))
	_, _, err := do(t, s, http.MethodGet, "/a")
	require.NoError(t, err)
	s.Close()
	require.Equal(t, 2, calls)
	all := records.all()
	require.Len(t, all, 2)
	require.Equal(t, "alice", all[0].Actor.ID)
	require.Equal(t, "alice", all[1].Actor.ID)
}

// TestTrackAfterRequest tracks from goroutines whose requests, and many others, have
// ended. The actor is the one that was found before, or none.
func TestTrackAfterRequest(t *testing.T) {
	t.Parallel()
	const requests = 1000
	tracker, records := newTracker(t)
	var late sync.WaitGroup
	ended := make(chan struct{})
	errs := make([]error, requests)
	s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser))(http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) {
			n, err := strconv.Atoi(r.Header.Get("User"))
			assert.NoError(t, err)
			if n%2 == 0 {
				assert.NoError(t, tracker.Track(r.Context(), audit.Event{Action: "request.early"}))
			}
			late.Go(func() {
				<-ended
				errs[n] = tracker.Track(r.Context(), audit.Event{
					Action: "request.late", Metadata: []attribute.KeyValue{attribute.Int("user", n)},
				})
			})
		})))
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for n := client; n < requests; n += 4 {
				_, _, err := do(t, s, http.MethodGet, "/", "User", strconv.Itoa(n))
				assert.NoError(t, err)
			}
		})
	}
	clients.Wait()
	s.Close()
	close(ended)
	late.Wait()
	for n, err := range errs {
		if n%2 == 0 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, audit.ErrNoActor, "the actor function must not be called after the request")
		}
	}
	count := 0
	for _, r := range records.all() {
		if r.Action != "request.late" {
			continue
		}
		count++
		own := attribute.NewSet(r.Metadata...)
		n, ok := own.Value("user")
		require.True(t, ok)
		require.Equal(t, strconv.FormatInt(n.AsInt64(), 10), r.Actor.ID)
	}
	require.Equal(t, requests/2, count)
}

// TestEndWaitsAfterHangUp ends a request whose client has hung up, while another goroutine
// tracks the intent that covers a held signal.
func TestEndWaitsAfterHangUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held := blockingTrail{trail: &trail{}, entered: make(chan struct{}, 2), release: make(chan struct{})}
		p, err := sdk.NewTrackerProvider(sdk.WithSyncer(held))
		require.NoError(t, err)
		tracker := p.Tracker("test")
		late := &errorLog{}
		h := audithttp.Middleware(audithttp.WithErrorHandler(late.handle))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			e := audit.Event{Action: "article.update", Actor: audit.User("alice"), Target: audit.Target{Type: "article", ID: "1"}}
			signal := e
			signal.Kind = audit.KindSignal
			assert.NoError(t, tracker.Track(r.Context(), signal))
			assert.NoError(t, brokenSignal(r.Context()))
			go func() { assert.NoError(t, tracker.Track(r.Context(), e)) }()
			<-held.entered
		}))
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		ended := false
		go func() {
			h.ServeHTTP(&discard{}, httptest.NewRequestWithContext(gone, http.MethodPost, "/", nil))
			ended = true
		}()
		synctest.Wait()
		assert.False(t, ended, "the scope waits for the event in flight")
		close(held.release)
		synctest.Wait()
		assert.True(t, ended)
		require.NoError(t, p.Shutdown(t.Context()))
		require.Equal(t, audit.KindIntent, held.one(t).Kind)
		require.Len(t, late.all(), 1)
		require.ErrorIs(t, late.all()[0], errBrokenSignal, "its context is not canceled")
	})
}

// blockingTrail is a trail whose exports block until it is released.
type blockingTrail struct {
	*trail
	entered chan struct{}
	release chan struct{}
}

func (h blockingTrail) Export(ctx context.Context, records []*record.Record) error {
	h.entered <- struct{}{}
	<-h.release
	return h.trail.Export(ctx, records)
}

// TestErrorHandler checks that errors after the response go to the innermost middleware
// that has an error handler.
func TestErrorHandler(t *testing.T) {
	t.Parallel()
	tracker, _ := newTracker(t)
	outer, inner := &errorLog{}, &errorLog{}
	fails := audithttp.Intent(tracker, publish, answer(200)) // no actor
	signals := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.NoError(t, brokenSignal(r.Context()))
	})
	mux := http.NewServeMux()
	mux.Handle("/outer", fails)
	mux.Handle("/inner", audithttp.Middleware(audithttp.WithErrorHandler(inner.handle))(fails))
	mux.Handle("/joined", audithttp.Middleware()(fails))
	mux.Handle("/end", signals)
	s := serve(t, audithttp.Middleware(audithttp.WithErrorHandler(outer.handle))(mux))
	for _, path := range []string{"/outer", "/inner", "/joined", "/end"} {
		status, _, err := do(t, s, http.MethodGet, path)
		require.NoError(t, err)
		require.Equal(t, 200, status)
	}
	s.Close()
	require.Equal(t, []error{audit.ErrNoActor}, inner.all())
	errs := outer.all()
	require.Len(t, errs, 3)
	require.ErrorIs(t, errs[0], audit.ErrNoActor)
	require.ErrorIs(t, errs[1], audit.ErrNoActor)
	require.ErrorIs(t, errs[2], errBrokenSignal)
}

var errBrokenSignal = errors.New("broken")

// brokenSignal makes the scope hold a signal that fails when the scope ends.
func brokenSignal(ctx context.Context) error {
	e := audit.Event{Action: "row.read", Kind: audit.KindSignal}
	held := inside.Audit.Hold(audit.ScopeFromContext(ctx), "test", &e, func(context.Context, signal.Disposition) error { return errBrokenSignal })
	if held != signal.Hold {
		return errors.New("not held")
	}
	return nil
}

// TestDefaultErrorHandler checks that the log omits the text of an actor function's error.
func TestDefaultErrorHandler(t *testing.T) { // not parallel: it sets slog's default
	var text strings.Builder
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	tracker, _ := newTracker(t)
	actor := audithttp.WithActor(func(r *http.Request) (audit.Actor, error) {
		return audit.Actor{}, errors.New("bad token " + r.Header.Get("Authorization"))
	})
	for _, h := range []http.Handler{
		audithttp.Middleware(actor)(audithttp.Intent(tracker, publish, answer(200))),
		audithttp.Intent(tracker, publish, answer(200)),
	} {
		s := serve(t, h)
		_, _, err := do(t, s, http.MethodGet, "/", "Authorization", "hunter2")
		require.NoError(t, err)
		s.Close()
	}
	require.Equal(t, `level=ERROR msg="audit: request not fully recorded" error="audit: the actor function failed with a *errors.errorString"`+"\n"+
		`level=ERROR msg="audit: request not fully recorded" error="`+audit.ErrNoActor.Error()+"\"\n", text.String())
}

// TestEventFunctionTracks tracks from the event function of an intent, when the router has
// found the route and so which part of the path is a secret.
func TestEventFunctionTracks(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	mux := http.NewServeMux()
	mux.Handle("POST /reset/{token}", answer(http.StatusOK))
	reset := audithttp.IntentFunc(tracker, func(r *http.Request, _ int) audit.Event {
		assert.NoError(t, tracker.Track(r.Context(), audit.Event{Action: "user.read", Actor: audit.User("42")}))
		return audit.Event{Action: "user.reset", Actor: audit.User("42")}
	}, http.HandlerFunc(mux.ServeHTTP))
	_, _, err := do(t, serve(t, reset), http.MethodPost, "/reset/s3cret")
	require.NoError(t, err)
	lines := records.json(t)
	require.Len(t, lines, 2)
	for _, line := range lines {
		assert.NotContains(t, line, "s3cret")
		assert.Contains(t, line, "/reset/{token}")
	}
}
