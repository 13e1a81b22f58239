package auditchi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditchi "github.com/opendeed/audit/instrumentation/chi"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
)

// chi gives the route context of a request that an http.TimeoutHandler in the router has
// answered to another request, while the handler still runs. No record names another
// request's user then. It needs the race detector.
func TestTimeout(t *testing.T) {
	t.Parallel()
	const clients, requests = 9, 12
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	var handlers sync.WaitGroup
	var late, timeouts atomic.Int64
	over := make(chan struct{})
	handler := func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		ctx, id := r.Context(), r.PathValue("id")
		audit.SetTarget(ctx, audit.Target{Type: "user", ID: id})
		if strings.HasPrefix(id, "slow") {
			<-ctx.Done()
			<-over // others have used the route context meanwhile
		}
		if err := tracker.Track(ctx, audit.Event{Action: "user.greet", Target: audit.Target{Type: "user", ID: id}}); err != nil {
			assert.True(t, isLate(err), "%v", err)
		}
		w.WriteHeader(http.StatusNoContent)
	}
	r := chi.NewRouter()
	r.Use(func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Second, "") })
	r.Use(auditchi.Middleware(
		auditchi.WithActor(func(r *http.Request) (audit.Actor, error) { return audit.User(chi.URLParam(r, "id")), nil }),
		auditchi.WithErrorHandler(func(_ context.Context, err error) {
			assert.True(t, isLate(err), "%v", err)
			late.Add(1)
		}),
	))
	r.Post("/direct/{id}", handler)
	r.With(auditchi.Intent(tracker, publish)).Post("/intent/{id}", handler)
	r.With(auditchi.IntentFunc(tracker, func(r *http.Request, _ int) audit.Event {
		return audit.Event{Action: "article.seek", Target: audit.Target{Type: "user", ID: chi.URLParam(r, "id")}}
	})).Post("/func/{id}", handler)
	s := frameworktest.Serve(t, r)
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			for i := range requests {
				id := fmt.Sprintf("quick%d-%d", client, i)
				if i == 0 { // the others use its route context again
					id = fmt.Sprintf("slow%d", client)
				}
				path := []string{"/direct/", "/intent/", "/func/"}[(i+client)%3]
				if do(t, s, http.MethodPost, path+id) == http.StatusServiceUnavailable {
					timeouts.Add(1)
				}
			}
		})
	}
	work.Wait()
	close(over)
	s.Close()
	handlers.Wait()
	assert.Eventually(t, func() bool {
		routes := 0
		for _, r := range recorder.Records() {
			if r.Action == semconv.ActionRejected {
				continue
			}
			assert.Equal(t, r.Target.ID, r.Actor.ID)
			if !strings.HasPrefix(r.Action, "user.") {
				routes++
			}
		}
		return int64(clients*requests*2/3) == int64(routes)+late.Load()
	}, 10*time.Second, 10*time.Millisecond, "each request of a route is on record, or reported")
	assert.GreaterOrEqual(t, timeouts.Load(), int64(clients))
}

// isLate reports whether err is that of an event whose actor was needed too late.
func isLate(err error) bool {
	_, ok := errors.AsType[*audit.ActorError](err)
	return ok || errors.Is(err, audit.ErrNoActor)
}
