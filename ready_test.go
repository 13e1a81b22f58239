package audit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newIntent opens a scope for a route intent, as a middleware does.
func newIntent(ctx context.Context, t audit.Tracker, event func() audit.Event) (context.Context, *audit.Scope) {
	ctx, s := audit.NewScope(ctx)
	inside.Audit.Expect(s, t, author(event))
	return ctx, s
}

// author is the bridge.Author of a route intent.
type author func() audit.Event

func (a author) Event() audit.Event          { return a() }
func (author) Report(context.Context, error) {}

// Ready checks the nearest intent with what has been set in its scope and inside it.
func TestReady(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t, sdk.WithValidation(sdk.WithRequired("article.*", "reason", "target", "changes", "outcome")))
	ctx, s := newIntent(audit.ContextWithActor(t.Context(), audit.User("42")), tracker,
		func() audit.Event { return audit.Event{Action: "article.publish"} })

	unmet, ok := errors.AsType[*audit.UnmetError](audit.Ready(ctx))
	require.True(t, ok)
	assert.Equal(t, "article.publish", unmet.Action)
	assert.Equal(t, []string{"reason"}, unmet.Fields)
	assert.EqualError(t, unmet, "audit: article.publish must not be done, since its event would be rejected (reason): audit: reason: it is required for this action")

	audit.SetReason(ctx, "spam")
	require.Error(t, audit.Ready(ctx), "the target is missing")
	require.NoError(t, inside.Audit.ReadyAsFar(ctx, func(field string) bool { return field == "reason" }))
	require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
		audit.SetTarget(ctx, article("1"))
		return audit.Ready(ctx)
	}))
	require.NoError(t, audit.Ready(ctx), "the intent is that of the outer scope")
	require.NoError(t, s.End(ctx))
	assert.Empty(t, trail.all(), "nothing was done")
}

// Without an intent there is nothing to check, which is a mistake. Without an actor nothing
// is ready.
func TestReadyWithout(t *testing.T) {
	t.Parallel()
	tracker, _ := newTrail(t)
	require.ErrorIs(t, audit.Ready(t.Context()), audit.ErrNoIntent)
	ctx, _ := audit.NewScope(t.Context())
	require.ErrorIs(t, audit.Ready(ctx), audit.ErrNoIntent)
	ctx, _ = newIntent(t.Context(), tracker, func() audit.Event { return audit.Event{Action: "a.b"} })
	require.ErrorIs(t, audit.Ready(ctx), audit.ErrNoActor)
}

// plainTracker is a tracker of an application that knows no policy.
type plainTracker struct{ embedded.Tracker }

func (plainTracker) Track(context.Context, audit.Event) error { return nil }

// A tracker that does not implement Checker requires nothing.
func TestReadyWithoutChecker(t *testing.T) {
	t.Parallel()
	ctx, _ := newIntent(t.Context(), plainTracker{}, func() audit.Event { return audit.Event{} })
	require.NoError(t, audit.Ready(ctx))
}

// A tracker that was made before the provider asks the provider.
func TestReadyOfGlobalTracker(t *testing.T) { // not parallel: it sets the global provider
	tracker := audit.GetTrackerProvider().Tracker("test")
	ctx, _ := newIntent(audit.ContextWithActor(t.Context(), audit.User("42")), tracker,
		func() audit.Event { return audit.Event{Action: "article.publish"} })
	require.ErrorIs(t, audit.Ready(ctx), audit.ErrNoProvider)
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(&memory{}), sdk.WithValidation(sdk.WithRequired("*", "reason")))
	require.NoError(t, err)
	audit.SetTrackerProvider(p)
	t.Cleanup(func() {
		audit.SetTrackerProvider(nil)
		assert.NoError(t, p.Shutdown(context.Background()))
	})
	require.Error(t, audit.Ready(ctx))
	audit.SetReason(ctx, "spam")
	require.NoError(t, audit.Ready(ctx))
}
