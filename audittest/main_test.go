package audittest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// suite stands for a testing.M, of which a test cannot make one.
type suite func() int

func (s suite) Run() int { return s() }

func TestMainFunction(t *testing.T) { //nolint:paralleltest // it sets the global provider
	account := struct {
		Owner string `audit:"owner"`
	}{"alice"}
	track := func(ctx context.Context) error {
		return audit.TrackCreate(ctx, audit.GetTrackerProvider().Tracker("test"), audit.Event{Target: audit.Target{Type: "account", ID: "1"}}, account)
	}
	code := audittest.Main(suite(func() int {
		recorder, ok := audit.GetTrackerProvider().(*audittest.Recorder)
		require.True(t, ok)
		require.NoError(t, track(t.Context()))
		recorder.RequireRecord(t, audittest.Actor(audit.User("test")))

		recorder.Reset()
		require.NoError(t, track(audit.ContextWithActor(t.Context(), audit.User("alice"))))
		recorder.RequireRecord(t, audittest.Actor(audit.User("alice")))

		recorder.Reset()
		ctx, scope := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
			return audit.Actor{}, errors.New("session store down")
		}))
		var failed *audit.ActorError
		require.ErrorAs(t, track(ctx), &failed, "an actor that cannot be found is not replaced")
		require.NoError(t, scope.End(ctx))
		recorder.RequireRecord(t, audittest.Action(semconv.ActionRejected), audittest.Kind(audit.KindSignal))
		return 7
	}), audit.User("test"))
	assert.Equal(t, 7, code)
	require.Error(t, track(t.Context()), "the actor of the tests is gone after them")

	code = audittest.Main(suite(func() int {
		require.ErrorIs(t, track(t.Context()), audit.ErrNoActor)
		return 0
	}), audit.Actor{})
	assert.Equal(t, 0, code)

	assert.Equal(t, 1, audittest.Main(suite(func() int {
		t.Error("the tests ran with an invalid option")
		return 0
	}), audit.User("test"), sdk.WithSyncer(nil)))
	assert.Equal(t, 1, audittest.Main(suite(func() int { return 0 }), audit.User("test"), sdk.WithSyncer(broken{})))
}

// broken is an exporter that cannot be shut down.
type broken struct{ export.Exporter }

func (broken) Name() string { return "broken" }

func (broken) Export(context.Context, []*record.Record) error { return nil }

func (broken) Shutdown(context.Context) error { return errors.New("disk full") }
