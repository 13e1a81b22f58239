package audithttp_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An http.TimeoutHandler answers while its handler still runs. No record names another
// request's user then, and none of a route is lost. It needs the race detector.
func TestTimeout(t *testing.T) {
	t.Parallel()
	const timeout, clients, requests = 100 * time.Millisecond, 16, 15
	type handler = func(http.Handler) http.Handler
	timed := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, timeout, "") }
	for name, wrap := range map[string]func(audited handler) handler{
		"outside": func(audited handler) handler { return func(h http.Handler) http.Handler { return timed(audited(h)) } },
		"inside":  func(audited handler) handler { return func(h http.Handler) http.Handler { return audited(timed(h)) } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			var late errorLog
			var handlers sync.WaitGroup
			var n, timeouts atomic.Int64
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				handlers.Add(1)
				defer handlers.Done()
				slow := n.Add(1)%3 == 0
				id, ctx := r.PathValue("id"), r.Context()
				audit.SetTarget(ctx, audit.Target{Type: "user", ID: id})
				if slow {
					<-ctx.Done()
					time.Sleep(timeout / 10)
				}
				err := tracker.Track(ctx, audit.Event{Action: "user.greet", Target: audit.Target{Type: "user", ID: id}})
				if err != nil {
					_, ok := errors.AsType[*audit.ActorError](err)
					assert.True(t, ok || errors.Is(err, audit.ErrNoActor), "%v", err)
				}
				w.WriteHeader(http.StatusNoContent)
			})
			mux := http.NewServeMux()
			mux.Handle("/direct/{id}", h)
			mux.Handle("/intent/{id}", audithttp.Intent(tracker, publish, h))
			s := serve(t, wrap(audithttp.Middleware(audithttp.WithActor(byUser), audithttp.WithErrorHandler(late.handle)))(mux))
			var work sync.WaitGroup
			var intents atomic.Int64
			for client := range clients {
				work.Go(func() {
					for i := range requests {
						id := fmt.Sprintf("u%d-%d", client, i)
						path := "/direct/"
						if i%2 == 0 {
							path = "/intent/"
							intents.Add(1)
						}
						status, _, err := do(t, s, http.MethodPost, path+id, "User", id)
						assert.NoError(t, err)
						if status == http.StatusServiceUnavailable {
							timeouts.Add(1)
						}
					}
				})
			}
			work.Wait()
			s.Close()
			// An http.TimeoutHandler may answer before its handler has started.
			require.Eventually(t, func() bool { return n.Load() == clients*requests }, time.Minute, time.Millisecond)
			handlers.Wait()
			// A handler that starts once its middleware has ended cannot set a target, and its
			// actor is not known: that is an error, and a record of the rejection.
			var rejected int
			require.Eventually(t, func() bool {
				var recorded int
				rejected = 0
				for _, r := range records.everything() {
					switch {
					case r.Action == publish.Action:
						recorded++
					case slices.Contains(r.Metadata, semconv.RejectedActionKey.String(publish.Action)):
						rejected++
					}
				}
				return recorded+rejected == int(intents.Load())
			}, time.Minute, time.Millisecond, "records of routes")
			for _, r := range records.all() {
				assert.True(t, r.Target.ID == r.Actor.ID || r.Target.ID == "", "%s by %s", r.Target.ID, r.Actor.ID)
			}
			unknown := 0
			for _, err := range late.all() {
				if errors.Is(err, audit.ErrNoActor) {
					unknown++
				} else {
					assert.ErrorIs(t, err, audit.ErrScopeEnded)
				}
			}
			assert.Equal(t, rejected, unknown)
			assert.Positive(t, timeouts.Load())
		})
	}
}
