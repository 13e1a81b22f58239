package audit_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/plumbing"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func isAction(action string) func(*audit.Event) bool {
	return func(e *audit.Event) bool { return e.Action == action }
}

// A scope remembers intents that were recorded and signals that were recorded or are held,
// with what they are about. It doesn't remember what failed.
func TestTracked(t *testing.T) {
	t.Parallel()
	tracker, _ := newTrail(t)
	ctx, outer := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")), plumbing.WithSignalLimit(1))
	require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
		failed := intent(audit.OperationUpdate, article("failed"))
		failed.Outcome = audit.OutcomeFailure
		require.NoError(t, tracker.Track(ctx, failed))
		require.Error(t, tracker.Track(ctx, audit.Event{Action: "not valid!"}))
		_, err := audit.Begin(ctx, tracker, audit.Event{Action: "payout.send", Target: audit.Target{Type: "payout", ID: "1"}})
		require.NoError(t, err)
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationCreate, article("held"))))
		return tracker.Track(ctx, signal(audit.OperationDelete, article("overflow")))
	}))
	var seen []string
	assert.False(t, outer.Tracked(func(e *audit.Event) bool {
		seen = append(seen, fmt.Sprintln(e.Kind, e.Action, e.Operation, e.Outcome, e.Target.Type, e.Target.ID, e.BeginsAttempt()))
		return false
	}))
	assert.ElementsMatch(t, []string{
		"intent intent.update update failure article failed false\n",
		"intent payout.send unspecified unknown payout 1 true\n",
		"signal article.create create unknown article held false\n",
		"signal article.delete delete unknown article overflow false\n",
	}, seen)
	require.NoError(t, outer.End(ctx))
	assert.True(t, outer.Tracked(isAction("payout.send")), "also after End")
}

// A scope remembers which attempt an event ends.
func TestTrackedEndOfAttempt(t *testing.T) {
	t.Parallel()
	tracker, _ := newTrail(t)
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
	attempt, err := audit.Begin(ctx, tracker, audit.Event{Action: "payout.send"})
	require.NoError(t, err)
	ended := func() bool {
		return s.Tracked(func(e *audit.Event) bool { return !e.BeginsAttempt() && e.Attempt == attempt.ID() })
	}
	assert.False(t, ended())
	require.NoError(t, tracker.Track(ctx, audit.Event{Action: "payout.send", Outcome: audit.OutcomeSuccess}))
	assert.False(t, ended(), "another record of the action")
	require.NoError(t, attempt.Finish(ctx, audit.Event{Outcome: audit.OutcomeSuccess}))
	assert.True(t, ended())
	require.NoError(t, s.End(ctx))
}

// A scope of a long job forgets the oldest events, not the newest.
func TestTrackedForgets(t *testing.T) {
	t.Parallel()
	_, s := audit.NewScope(t.Context())
	const n = 20_000
	for i := range n {
		inside.Audit.Accepted(t.Context(), s, nil, audit.Event{Action: "article.update", Target: article(fmt.Sprint(i))})
	}
	has := func(i int) bool {
		return s.Tracked(func(e *audit.Event) bool { return e.Target.ID == fmt.Sprint(i) })
	}
	assert.True(t, has(n-1))
	assert.True(t, has(n-5000))
	assert.False(t, has(n/4))
}

// Wait returns when the pending events are settled, whatever their number of waiters, and
// doesn't close the scope for new ones.
func TestScopeWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, s := audit.NewScope(t.Context())
		require.NoError(t, plumbing.Wait(ctx, s), "nothing is pending")
		done := plumbing.Expect(s)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		require.Error(t, plumbing.Wait(short, s))
		waited := make(chan error)
		for range 2 {
			go func() { waited <- plumbing.Wait(ctx, s) }()
		}
		synctest.Wait()
		done()
		require.NoError(t, <-waited)
		require.NoError(t, <-waited)
		plumbing.Expect(s)()
		require.NoError(t, s.End(ctx))
		assert.NoError(t, plumbing.Wait(ctx, nil))
	})
}
