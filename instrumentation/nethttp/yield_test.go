package audithttp_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A route intent yields only to an intent of the handler that records the outcome of the
// same action on the same target.
func TestIntentYields(t *testing.T) {
	t.Parallel()
	const (
		success = audit.OutcomeSuccess
		failure = audit.OutcomeFailure
		denied  = audit.OutcomeDenied
	)
	own, related := audit.Target{Type: "article", ID: "1"}, audit.Target{Type: "article", ID: "2"}
	renamed := own
	renamed.Name = "Hello"
	type intents = []audit.Event
	for _, tt := range []struct {
		name   string
		route  audit.Target // set by the handler
		status int
		track  intents
		yields bool
	}{
		{"the outcome", own, 200, intents{{Action: "article.publish", Target: own, Outcome: success}}, true},
		{"the outcome, with a name", own, 200, intents{{Action: " Article.Publish", Target: renamed, Outcome: success}}, true},
		{"no outcome", own, 200, intents{{Action: "article.publish", Target: own}}, true},
		{"done, and the answer failed", own, 500, intents{{Action: "article.publish", Target: own, Outcome: success}}, true},
		{"the same failure", own, 500, intents{{Action: "article.publish", Target: own, Outcome: failure}}, true},
		{"denied", own, 403, intents{{Action: "article.publish", Target: own, Outcome: denied}}, true},
		{"a failure before a success", own, 200, intents{
			{Action: "article.publish", Target: own, Outcome: failure}, {Action: "article.publish", Target: own, Outcome: success},
		}, true},
		{"a route without a target", audit.Target{}, 200, intents{{Action: "article.publish", Target: related, Outcome: success}}, true},

		{"nothing", own, 200, nil, false},
		{"another target", own, 200, intents{{Action: "article.publish", Target: related, Outcome: success}}, false},
		{"another type", own, 200, intents{{Action: "article.publish", Target: audit.Target{Type: "draft", ID: "1"}, Outcome: success}}, false},
		{"no target", own, 200, intents{{Action: "article.publish", Outcome: success}}, false},
		{"another action", own, 200, intents{{Action: "article.read", Target: own, Outcome: success}}, false},
		{"a failure that was not the end", own, 200, intents{{Action: "article.publish", Target: own, Outcome: failure}}, false},
		{"a failure, with a route without a target", audit.Target{}, 200, intents{{Action: "article.publish", Target: own, Outcome: failure}}, false},
		{"a signal", own, 200, intents{{Kind: audit.KindSignal, Action: "article.publish", Target: own, Outcome: success}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := newTracker(t)
			route := audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}
			s := serve(t, audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, route, http.HandlerFunc(
				func(w http.ResponseWriter, r *http.Request) {
					audit.SetTarget(r.Context(), tt.route)
					for _, e := range tt.track {
						assert.NoError(t, tracker.Track(r.Context(), e))
					}
					w.WriteHeader(tt.status)
				}))))
			_, _, err := do(t, s, http.MethodPost, "/", "User", "alice")
			require.NoError(t, err)
			s.Close()
			var recorded bool
			for _, r := range records.all() {
				for _, kv := range r.Metadata {
					recorded = recorded || kv.Key == "http.response.status_code"
				}
			}
			assert.Equal(t, tt.yields, !recorded, fmt.Sprint(len(records.all()), " records"))
		})
	}
}

// An attempt that is only begun has no outcome to which the route intent could yield.
func TestIntentDoesNotYieldToBegin(t *testing.T) {
	t.Parallel()
	tracker, records := newTracker(t)
	for _, finish := range []bool{false, true} {
		h := audithttp.Middleware(audithttp.WithActor(byUser))(audithttp.Intent(tracker, publish, http.HandlerFunc(
			func(_ http.ResponseWriter, r *http.Request) {
				attempt, err := audit.Begin(r.Context(), tracker, audit.Event{Action: "article.publish"})
				assert.NoError(t, err)
				if finish {
					assert.NoError(t, attempt.Finish(r.Context(), audit.Event{Outcome: audit.OutcomeSuccess}))
				}
			})))
		s := serve(t, h)
		_, _, err := do(t, s, http.MethodPost, "/", "User", "alice")
		require.NoError(t, err)
		s.Close()
	}
	assert.Len(t, records.all(), 4, "begun and the route's, begun and finished")
}
