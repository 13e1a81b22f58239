package audithttp_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such session")
	tests := []struct {
		name      string
		principal func(*http.Request, audit.Actor) (audit.Actor, error)
		want      *audit.Actor
		err       error
	}{
		{"another actor", func(r *http.Request, a audit.Actor) (audit.Actor, error) {
			assert.Equal(t, audit.User("admin"), a)
			return audit.User(r.Header.Get("As")), nil
		}, &audit.Actor{Type: audit.ActorUser, ID: "bob"}, nil},
		{"nobody else", func(*http.Request, audit.Actor) (audit.Actor, error) { return audit.Actor{}, nil }, nil, nil},
		{"an error", func(*http.Request, audit.Actor) (audit.Actor, error) { return audit.Actor{}, broken }, nil, broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			late := &errorLog{}
			s := serve(t, audithttp.Middleware(
				audithttp.WithActor(byUser), audithttp.WithOnBehalfOf(tt.principal), audithttp.WithErrorHandler(late.handle),
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

// It makes no difference which middleware finds the actor, and which says on whose behalf it
// acts.
func TestOnBehalfOfInOtherMiddleware(t *testing.T) {
	t.Parallel()
	type options = []audithttp.Option
	asked := func(*http.Request, audit.Actor) (audit.Actor, error) { return audit.User("carol"), nil }
	zero := func(*http.Request) (audit.Actor, error) { return audit.Actor{}, nil }
	nobody := func(*http.Request, audit.Actor) (audit.Actor, error) { return audit.Actor{}, nil }
	alice, carol := audit.User("alice"), audit.User("carol")
	alice.OnBehalfOf = &carol
	signIn := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.NoError(t, audit.SetActor(r.Context(), audit.User("alice")))
			h.ServeHTTP(w, r)
		})
	}
	for _, tt := range []struct {
		name         string
		outer, inner options
		signIn       bool
	}{
		{"inner", options{audithttp.WithActor(byUser)}, options{audithttp.WithOnBehalfOf(asked)}, false},
		{"outer", options{audithttp.WithOnBehalfOf(asked)}, options{audithttp.WithActor(byUser)}, false},
		{"inner, whose actor is the outer one's", options{audithttp.WithActor(byUser)}, options{audithttp.WithActor(zero), audithttp.WithOnBehalfOf(asked)}, false},
		{"outer, both find the actor", options{audithttp.WithActor(byUser), audithttp.WithOnBehalfOf(asked)}, options{audithttp.WithActor(byUser)}, false},
		{"outer, the inner one finds nobody", options{audithttp.WithActor(byUser), audithttp.WithOnBehalfOf(asked)}, options{audithttp.WithOnBehalfOf(nobody)}, false},
		{"both", options{audithttp.WithActor(byUser), audithttp.WithOnBehalfOf(asked)}, options{audithttp.WithOnBehalfOf(asked)}, false},
		{"inner, authentication sets the actor", nil, options{audithttp.WithOnBehalfOf(asked)}, true},
		{"outer, authentication sets the actor", options{audithttp.WithOnBehalfOf(asked)}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			h := audithttp.Middleware(tt.inner...)(audithttp.Intent(tracker, publish, answer(200)))
			if tt.signIn {
				h = signIn(h)
			}
			s := serve(t, audithttp.Middleware(tt.outer...)(h))
			_, _, err := do(t, s, http.MethodPost, "/", "User", "alice")
			require.NoError(t, err)
			s.Close()
			assert.Equal(t, alice, records.one(t).Actor)
		})
	}
}

// Who acts outside of the request, such as the server itself, does not act in it.
func TestActorOutsideOfRequest(t *testing.T) {
	t.Parallel()
	jobs := map[string]func(net.Listener) context.Context{
		"context": func(net.Listener) context.Context {
			return audit.ContextWithActor(context.Background(), audit.System("startup"))
		},
		"scope": func(net.Listener) context.Context {
			ctx, _ := audit.NewScope(context.Background(), audit.AsActor(audit.System("startup")))
			return ctx
		},
	}
	for name, base := range jobs {
		for _, actor := range [][]audithttp.Option{nil, {audithttp.WithActor(byUser)}} {
			tracker, records := newTracker(t)
			late := &errorLog{}
			middleware := audithttp.Middleware(append(actor, audithttp.WithErrorHandler(late.handle), audithttp.WithDenials(tracker))...)
			mux := http.NewServeMux()
			mux.Handle("/intent", audithttp.Intent(tracker, publish, answer(200)))
			mux.Handle("/denied", audithttp.Middleware(audithttp.WithActor(byUser))(answer(403)))
			s := httptest.NewUnstartedServer(middleware(mux))
			s.Config.BaseContext = base
			s.Start()
			for _, path := range []string{"/intent", "/denied"} {
				_, _, err := do(t, s, http.MethodPost, path)
				require.NoError(t, err)
			}
			s.Close()
			require.Len(t, late.all(), 1, name)
			require.ErrorIs(t, late.all()[0], audit.ErrNoActor)
			assert.Equal(t, audit.Anonymous(), records.one(t).Actor)
		}
	}
}
