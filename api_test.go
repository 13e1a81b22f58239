package audit_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/session"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnumWords(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "signal", audit.KindSignal.String())
	assert.Equal(t, "logout", audit.OperationLogout.String())
	assert.Equal(t, "denied", audit.OutcomeDenied.String())
	assert.Equal(t, "unresolved", audit.ActorUnresolved.String())
	assert.Equal(t, "Kind(9)", audit.Kind(9).String())
	assert.True(t, audit.OutcomeDenied.Valid())
	assert.False(t, audit.Kind(2).Valid())
	assert.False(t, audit.Operation(8).Valid())
	assert.False(t, audit.Outcome(4).Valid())
	assert.False(t, audit.ActorType(6).Valid())
}

func TestActorClone(t *testing.T) {
	t.Parallel()
	a := audit.Actor{Type: audit.ActorUser, ID: "1", Roles: []string{"r"}, OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "2", Roles: []string{"s"}}}
	c := a.Clone()
	require.Equal(t, a, c)
	c.Roles[0], c.OnBehalfOf.ID, c.OnBehalfOf.Roles[0] = "x", "x", "x"
	assert.Equal(t, "r", a.Roles[0])
	assert.Equal(t, "2", a.OnBehalfOf.ID)
	assert.Equal(t, "s", a.OnBehalfOf.Roles[0])

	circular := audit.User("1")
	circular.OnBehalfOf = &circular
	n := 0
	cut := circular.Clone()
	for at := &cut; at != nil; at = at.OnBehalfOf {
		n++
	}
	assert.Equal(t, record.MaxDelegation+2, n, "the copy is finite, and still too long to be valid")
}

func TestDeliveryError(t *testing.T) {
	t.Parallel()
	cause := errors.New("no route to host")
	id := audit.NewID()
	err := error(&audit.DeliveryError{ID: id, Stored: []string{"stdout"}, Failed: []string{"mongodb"}, Unknown: []string{"otlp"}, Err: cause})
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, audit.ErrMaybeStored)
	assert.EqualError(t, err, "audit: record "+id.String()+"; not stored by mongodb; perhaps stored by otlp; stored by stdout: no route to host")
	assert.NotErrorIs(t, &audit.DeliveryError{Failed: []string{"mongodb"}}, audit.ErrMaybeStored)
	assert.EqualError(t, &audit.ValidationError{Field: "target.type", Reason: "it is missing"}, "audit: target.type: it is missing")
}

func TestGlobalProvider(t *testing.T) { // not parallel: it sets the global provider
	t.Cleanup(func() { audit.SetTrackerProvider(nil) })
	early := audit.GetTrackerProvider().Tracker("example.com/early", audit.WithVersion("1.2.0"))
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	e := intent(audit.OperationUpdate, article("a"))
	require.ErrorIs(t, audit.Track(ctx, e), audit.ErrNoProvider)
	require.ErrorIs(t, early.Track(ctx, e), audit.ErrNoProvider)

	for range 2 { // trackers use each new provider
		m := &memory{}
		p, err := sdk.NewTrackerProvider(sdk.WithSyncer(m))
		require.NoError(t, err)
		audit.SetTrackerProvider(p)
		assert.Same(t, p, audit.GetTrackerProvider())
		require.NoError(t, early.Track(ctx, e))
		require.NoError(t, early.Track(ctx, e))
		require.NoError(t, audit.Track(ctx, e))
		require.Len(t, m.all(), 3)
		assert.Equal(t, record.Instrumentation{Name: "example.com/early", Version: "1.2.0"}, m.all()[0].Tracker)
		assert.Equal(t, record.Instrumentation{}, m.all()[2].Tracker)
		require.NoError(t, p.Shutdown(context.Background()))
	}
	require.ErrorIs(t, early.Track(ctx, e), audit.ErrShutdown)

	audit.SetTrackerProvider(nil)
	audit.SetTrackerProvider(audit.GetTrackerProvider()) // the default provider must not delegate to itself
	require.ErrorIs(t, early.Track(ctx, e), audit.ErrNoProvider)
}

// lossCounter counts the events that were tracked without a provider. It records nothing.
type lossCounter struct {
	embedded.Tracker

	lost atomic.Int64
}

func (*lossCounter) Track(context.Context, audit.Event) error { return nil }

func (c *lossCounter) CountLoss(_ string, n int64) { c.lost.Add(n) }

// lossProvider has one tracker.
type lossProvider struct {
	embedded.TrackerProvider

	counter *lossCounter
}

func (p lossProvider) Tracker(string, ...audit.TrackerOption) audit.Tracker { return p.counter }

// TestLossesBeforeTheProvider sets the provider while events are tracked: it counts each that was
// rejected, and none of them twice.
func TestLossesBeforeTheProvider(t *testing.T) { // not parallel: it sets the global provider
	audit.SetTrackerProvider(nil)
	t.Cleanup(func() { audit.SetTrackerProvider(nil) })
	audit.SetTrackerProvider(lossProvider{counter: &lossCounter{}}) // with the losses of other tests
	for range 200 {
		audit.SetTrackerProvider(nil)
		counter := &lossCounter{}
		var rejected atomic.Int64
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				for audit.Track(t.Context(), audit.Event{}) != nil {
					rejected.Add(1)
				}
			})
		}
		for rejected.Load() == 0 {
			runtime.Gosched()
		}
		audit.SetTrackerProvider(lossProvider{counter: counter})
		group.Wait()
		require.Equal(t, rejected.Load(), counter.lost.Load())
	}
}

type note struct {
	Title string `audit:"title"`
	Body  string `audit:"body,sensitive"`
}

func TestCRUDHelpers(t *testing.T) {
	t.Parallel()
	old, changed := note{"Old", "one"}, note{"New", "two"}
	target := audit.Target{Type: "Article Page", ID: "1"}
	tests := []struct {
		name      string
		track     func(ctx context.Context, tracker audit.Tracker, e audit.Event) error
		action    string
		operation audit.Operation
		changes   func() ([]audit.Change, error)
	}{
		{"create", func(ctx context.Context, tracker audit.Tracker, e audit.Event) error {
			return audit.TrackCreate(ctx, tracker, e, changed)
		}, "article_page.create", audit.OperationCreate, nil},
		{"update", func(ctx context.Context, tracker audit.Tracker, e audit.Event) error {
			return audit.TrackUpdate(ctx, tracker, e, old, changed)
		}, "article_page.update", audit.OperationUpdate, func() ([]audit.Change, error) { return audit.Diff(old, changed) }},
		{"delete", func(ctx context.Context, tracker audit.Tracker, e audit.Event) error {
			return audit.TrackDelete(ctx, tracker, e, old)
		}, "article_page.delete", audit.OperationDelete, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
			require.NoError(t, tt.track(ctx, tracker, audit.Event{Target: target}))
			r := trail.all()[0]
			assert.Equal(t, tt.action, r.Action)
			assert.Equal(t, tt.operation, r.Operation)
			assert.Equal(t, audit.OutcomeSuccess, r.Outcome)
			assert.Len(t, r.Changes, 2)
			if tt.changes != nil {
				want, err := tt.changes()
				require.NoError(t, err)
				assert.Equal(t, want, r.Changes)
			}

			explicit := audit.Event{
				Action: "page.own", Operation: audit.OperationExecute, Outcome: audit.OutcomeFailure,
				Target: target, Changes: []audit.Change{{Field: "own"}},
			}
			require.NoError(t, tt.track(ctx, tracker, explicit))
			r = trail.all()[1]
			assert.Equal(t, "page.own", r.Action)
			assert.Equal(t, audit.OperationExecute, r.Operation)
			assert.Equal(t, audit.OutcomeFailure, r.Outcome)
			assert.Equal(t, explicit.Changes, r.Changes)

			require.ErrorIs(t, tt.track(ctx, nil, explicit), audit.ErrNoProvider)
		})
	}
	t.Run("an update without changes is an intent", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
		require.NoError(t, audit.TrackUpdate(ctx, tracker, audit.Event{Target: target}, old, old))
		assert.Empty(t, trail.all()[0].Changes)
	})
	t.Run("a type without tracked fields is an error", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
		require.Error(t, audit.TrackCreate(ctx, tracker, audit.Event{Target: target}, 7))
		assert.Empty(t, trail.all())
	})
}

func TestAuthHelpers(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	alice := audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice"}
	ctx := audit.ContextWithActor(t.Context(), alice)

	require.NoError(t, session.TrackLogin(t.Context(), tracker, audit.Event{Actor: alice}, "password"))
	require.NoError(t, session.TrackLogin(ctx, tracker, audit.Event{}, "mtls"))
	require.NoError(t, session.TrackLogout(ctx, tracker, audit.Event{}, "jwt"))
	require.NoError(t, session.TrackLoginFailure(t.Context(), tracker, audit.Event{
		Reason: "wrong password", Target: audit.Target{ID: "mallory\x00" + string(make([]byte, 600))},
	}, "password"))
	require.NoError(t, session.TrackLoginFailure(t.Context(), tracker, audit.Event{Target: audit.Target{ID: "bob"}}, "password"))
	require.ErrorIs(t, session.TrackLogin(t.Context(), tracker, audit.Event{}, "password"), audit.ErrNoActor)

	got := trail.all()
	require.Len(t, got, 5)
	for i, want := range []struct {
		action  string
		actor   audit.Actor
		target  string
		outcome audit.Outcome
		marks   []mark.Kind
	}{
		{"user.login", audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "password"}, "42", audit.OutcomeSuccess, nil},
		{"user.login", audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "mtls"}, "42", audit.OutcomeSuccess, nil},
		{"user.logout", audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "jwt"}, "42", audit.OutcomeSuccess, nil},
		{"user.login", audit.Actor{Type: audit.ActorAnonymous, AuthMethod: "password"}, "mallory" + strings.Repeat(`\x00`, (1024-7)/4), audit.OutcomeDenied, []mark.Kind{"cut", "escaped"}},
		{"user.login", audit.Actor{Type: audit.ActorAnonymous, AuthMethod: "password"}, "bob", audit.OutcomeDenied, nil},
	} {
		assert.Equal(t, want.action, got[i].Action, i)
		assert.Equal(t, want.actor, got[i].Actor, i)
		assert.Equal(t, "user", got[i].Target.Type, i)
		assert.Equal(t, want.target, got[i].Target.ID, i)
		assert.Equal(t, want.outcome, got[i].Outcome, i)
		require.Len(t, got[i].Marks, len(want.marks), i)
		for n, kind := range want.marks {
			assert.Equal(t, kind, got[i].Marks[n].Kind, i)
			assert.Equal(t, "target.id", got[i].Marks[n].Path, i)
		}
	}
}
