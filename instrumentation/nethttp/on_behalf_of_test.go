package audithttp_test

import (
	"errors"
	"net/http"
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
