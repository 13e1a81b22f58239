package audithttp_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDenials(t *testing.T) {
	t.Parallel()
	const (
		alice     = `"actor":{"id":"alice","type":"user"},`
		anonymous = `"actor":{"type":"anonymous"},`
		denied    = `{"action":"access.denied","kind":"intent","outcome":"denied",`
		unknown   = `"reason":"the actor could not be resolved",`
	)
	request := func(status string) string {
		return `"metadata":{"client.address":"127.0.0.1","http.request.method":"POST","http.response.status_code":` + status +
			`,"network.peer.address":"127.0.0.1","url.path":"/a/1","user_agent.original":"test/1.0"}`
	}
	broken := errors.New("no connection to the user store")
	failing := func(*http.Request) (audit.Actor, error) { return audit.Actor{}, broken }
	track := func(tracker audit.Tracker, status int, e audit.Event) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.NoError(t, tracker.Track(r.Context(), e))
			w.WriteHeader(status)
		})
	}

	tests := []struct {
		name    string
		service func(tracker audit.Tracker, options ...audithttp.Option) http.Handler
		user    string
		want    []string
		errs    []error // in order, matched by errors.Is
		// rejected is the number of rejections on record.
		rejected int
	}{
		{
			name: "401 without an actor",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(append(options, audithttp.WithActor(byUser))...)(answer(401))
			},
			want: []string{denied + anonymous + request("401") + `}`},
		},
		{
			name: "403 with an actor",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(append(options, audithttp.WithActor(byUser))...)(answer(403))
			},
			user: "alice",
			want: []string{denied + alice + request("403") + `}`},
		},
		{
			name: "403 without an actor function",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(options...)(answer(403))
			},
			want: []string{denied + anonymous + request("403") + `}`},
		},
		{
			name: "401 with a failing actor function",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(append(options, audithttp.WithActor(failing))...)(answer(401))
			},
			want: []string{denied + anonymous + request("401") + `}`},
		},
		{
			name: "403 with a failing actor function",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(append(options, audithttp.WithActor(failing))...)(answer(403))
			},
			want: []string{denied + anonymous + unknown + request("403") + `}`},
			errs: []error{broken},
		},
		{
			name: "403 with an invalid actor",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				nameless := audithttp.WithActor(func(*http.Request) (audit.Actor, error) { return audit.User(""), nil })
				return audithttp.Middleware(append(options, nameless)...)(answer(403))
			},
			want:     []string{denied + anonymous + unknown + request("403") + `}`},
			errs:     []error{&audit.ValidationError{Field: "actor.id"}},
			rejected: 1,
		},
		{
			name: "authentication inside that sets the actor",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(options...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					assert.NoError(t, audit.SetActor(r.Context(), audit.User("alice")))
					w.WriteHeader(403)
				}))
			},
			want: []string{denied + alice + request("403") + `}`},
		},
		{
			name: "a target set by the handler, on a known route",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				mux := http.NewServeMux()
				mux.HandleFunc("/a/{id}", func(w http.ResponseWriter, r *http.Request) {
					audit.SetTarget(r.Context(), audit.Target{Type: "article", ID: r.PathValue("id")})
					w.WriteHeader(403)
				})
				return audithttp.Middleware(options...)(mux)
			},
			want: []string{denied + anonymous + `"target":{"id":"1","type":"article"},
				"metadata":{"client.address":"127.0.0.1","http.request.method":"POST","http.response.status_code":403,"http.route":"/a/{id}",
				"network.peer.address":"127.0.0.1","url.path":"/a/1","user_agent.original":"test/1.0"}}`},
		},
		{
			name: "a route that only the handler knows",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(options...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Pattern = "POST /a/{id}"
					w.WriteHeader(401)
				}))
			},
			want: []string{denied + anonymous + `"target":{"id":"/a/{id}","type":"route"},
				"metadata":{"client.address":"127.0.0.1","http.request.method":"POST","http.response.status_code":401,"http.route":"/a/{id}",
				"network.peer.address":"127.0.0.1","url.path":"/a/1","user_agent.original":"test/1.0"}}`},
		},
		{
			name: "a known route",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("/a/{token}", answer(401))
				return audithttp.Middleware(options...)(mux)
			},
			want: []string{denied + anonymous + `"target":{"id":"/a/{token}","type":"route"},
				"metadata":{"client.address":"127.0.0.1","http.request.method":"POST","http.response.status_code":401,"http.route":"/a/{token}",
				"network.peer.address":"127.0.0.1","url.path":"/a/***REDACTED***","user_agent.original":"test/1.0"}}`},
		},
		{
			name: "an intent tracked by the handler",
			service: func(tracker audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(append(options, audithttp.WithActor(byUser))...)(
					track(tracker, 403, audit.Event{Action: "article.read", Outcome: audit.OutcomeDenied}))
			},
			user: "alice",
			want: []string{`{"action":"article.read","kind":"intent","outcome":"denied",` + alice +
				`"metadata":{"client.address":"127.0.0.1","http.request.method":"POST","network.peer.address":"127.0.0.1","url.path":"/a/1","user_agent.original":"test/1.0"}}`},
		},
		{
			name: "a signal of a touched session",
			service: func(tracker audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(options...)(track(tracker, 401, audit.Event{Action: "session.update", Kind: audit.KindSignal}))
			},
			want: []string{denied + anonymous + request("401") + `}`, `{"action":"session.update","kind":"signal","outcome":"unknown","actor":{"type":"unresolved"},` +
				`"metadata":{"client.address":"127.0.0.1","http.request.method":"POST","network.peer.address":"127.0.0.1","url.path":"/a/1","user_agent.original":"test/1.0"}}`},
		},
		{
			name: "a route intent",
			service: func(tracker audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(append(options, audithttp.WithActor(byUser))...)(audithttp.Intent(tracker, publish, answer(403)))
			},
			user: "alice",
			want: []string{`{"action":"article.publish","kind":"intent","operation":"update","outcome":"denied",` + alice + request("403") + `}`},
		},
		{
			name: "a route intent without an actor",
			service: func(tracker audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(options...)(audithttp.Intent(tracker, publish, answer(401)))
			},
			want: []string{denied + anonymous + request("401") + `}`},
			errs: []error{audit.ErrNoActor},
		},
		{
			name: "two middlewares",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				inner := audithttp.Middleware(append(options, audithttp.WithActor(byUser))...)(answer(403))
				return audithttp.Middleware(options...)(inner)
			},
			user: "alice",
			want: []string{denied + alice + request("403") + `}`},
		},
		{
			name: "another status",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(options...)(answer(404))
			},
		},
		{
			name: "a panic after the denial",
			service: func(_ audit.Tracker, options ...audithttp.Option) http.Handler {
				return audithttp.Middleware(options...)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(401)
					panic("no")
				}))
			},
			want: []string{denied + anonymous + request("401") + `}`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			late := &errorLog{}
			s := serve(t, tt.service(tracker, audithttp.WithDenials(tracker), audithttp.WithErrorHandler(late.handle)))
			_, _, _ = do(t, s, http.MethodPost, "/a/1", "User", tt.user)
			s.Close()
			requireRecords(t, tt.want, records)
			require.Len(t, records.everything(), len(tt.want)+tt.rejected, "a denial is no rejection")
			errs := late.all()
			require.Len(t, errs, len(tt.errs))
			for i, want := range tt.errs {
				if wantInvalid, ok := errors.AsType[*audit.ValidationError](want); ok {
					invalid, _ := errors.AsType[*audit.ValidationError](errs[i])
					require.NotNil(t, invalid)
					require.Equal(t, wantInvalid.Field, invalid.Field)
					continue
				}
				require.ErrorIs(t, errs[i], want)
			}
		})
	}
}

// TestDenialFails checks that the error handler gets the error of a denial, once.
func TestDenialFails(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		tracker := failingTracker{known: known}
		late := &errorLog{}
		s := serve(t, audithttp.Middleware(audithttp.WithDenials(tracker), audithttp.WithErrorHandler(late.handle))(answer(401)))
		_, _, err := do(t, s, http.MethodPost, "/")
		require.NoError(t, err)
		s.Close()
		require.Equal(t, []error{audit.ErrFull}, late.all())
	}
}

// failingTracker fails to deliver. If known is false, it first reports a missing actor.
type failingTracker struct {
	embedded.Tracker
	known bool
}

func (f failingTracker) Track(_ context.Context, e audit.Event) error {
	if !f.known && e.Actor.IsZero() {
		return audit.ErrNoActor
	}
	return audit.ErrFull
}
