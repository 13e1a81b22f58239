package audit_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// behalf returns actor on behalf of the principals, in the order of the chain.
func behalf(actor audit.Actor, principals ...audit.Actor) audit.Actor {
	if len(principals) > 0 {
		next := behalf(principals[0], principals[1:]...)
		actor.OnBehalfOf = &next
	}
	return actor
}

func TestWithOnBehalfOf(t *testing.T) {
	t.Parallel()
	root, carol, dave := audit.User("root"), audit.User("carol"), audit.User("dave")
	broken := errors.New("no such session")
	finds := func(a audit.Actor, err error) audit.ScopeOption {
		return audit.WithActor(func(context.Context) (audit.Actor, error) { return a, err })
	}
	states := func(a audit.Actor, err error) audit.ScopeOption {
		return audit.WithOnBehalfOf(func(context.Context, audit.Actor) (audit.Actor, error) { return a, err })
	}
	never := audit.WithOnBehalfOf(func(context.Context, audit.Actor) (audit.Actor, error) { panic("asked") })
	for _, tt := range []struct {
		name    string
		context func(context.Context) context.Context
		want    audit.Actor
		err     error
	}{
		{name: "the scope's actor", context: scoped(finds(root, nil), states(carol, nil)), want: behalf(root, carol)},
		{name: "an actor that was set", context: scoped(audit.AsActor(root), states(carol, nil)), want: behalf(root, carol)},
		{name: "an actor with a chain", context: scoped(finds(behalf(root, dave), nil), states(carol, nil)), want: behalf(root, dave, carol)},
		{name: "for itself", context: scoped(finds(root, nil), states(audit.Actor{}, nil)), want: root},
		{name: "the outer scope's actor", context: func(ctx context.Context) context.Context {
			return scoped(states(carol, nil))(scoped(finds(root, nil))(ctx))
		}, want: behalf(root, carol)},
		{name: "an actor of the context outside", context: func(ctx context.Context) context.Context {
			return scoped(states(carol, nil))(audit.ContextWithActor(ctx, root))
		}, want: behalf(root, carol)},
		{name: "the nearest scope", context: func(ctx context.Context) context.Context {
			return scoped(states(carol, nil))(scoped(finds(root, nil), states(dave, nil))(ctx))
		}, want: behalf(root, carol)},
		{name: "the outer scope, if the inner one knows nobody", context: func(ctx context.Context) context.Context {
			return scoped(states(audit.Actor{}, nil))(scoped(finds(root, nil), states(dave, nil))(ctx))
		}, want: behalf(root, dave)},
		{name: "another actor inside", context: func(ctx context.Context) context.Context {
			return scoped(audit.AsActor(audit.System("cleanup")))(scoped(finds(root, nil), never)(ctx))
		}, want: audit.System("cleanup")},
		{name: "an actor of the context inside", context: func(ctx context.Context) context.Context {
			return audit.ContextWithActor(scoped(finds(root, nil), never)(ctx), audit.System("cleanup"))
		}, want: audit.System("cleanup")},
		{name: "an error", context: scoped(finds(root, nil), states(audit.Actor{}, broken)), err: broken},
		{name: "a panic", context: scoped(finds(root, nil), never), err: &audit.ActorError{}},
		{name: "nobody acts", context: scoped(finds(audit.Actor{}, nil), never), err: audit.ErrNoActor},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			ctx := tt.context(t.Context())
			err := tracker.Track(ctx, intent(audit.OperationUpdate, article("a")))
			if tt.err != nil {
				if _, ok := errors.AsType[*audit.ActorError](tt.err); ok {
					_, failed := errors.AsType[*audit.ActorError](err)
					require.True(t, failed, "%v", err)
				} else {
					require.ErrorIs(t, err, tt.err)
				}
				assert.Empty(t, trail.all())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, trail.all()[0].Actor)
		})
	}
}

// The function is called once for an actor, and again for another.
func TestOnBehalfOfIsKept(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	var asked []string
	root := audit.User("root")
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(root), audit.WithOnBehalfOf(func(_ context.Context, a audit.Actor) (audit.Actor, error) {
		asked = append(asked, a.ID)
		return audit.User("carol"), nil
	}))
	for range 3 {
		require.NoError(t, tracker.Track(ctx, intent(audit.OperationRead, article("a"))))
	}
	require.NoError(t, audit.SetActor(ctx, audit.User("boss")))
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationRead, article("a"))))
	require.NoError(t, s.End(ctx))
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationRead, article("a"))), "what is known stays known")
	assert.Equal(t, []string{"root", "boss"}, asked)
	assert.Equal(t, audit.User("root"), root)
	for _, r := range trail.all() {
		assert.Equal(t, "carol", r.Actor.OnBehalfOf.ID)
	}
}

// Impersonation is not lost in silence when its scope has ended.
func TestOnBehalfOfAfterEnd(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("root")), audit.WithOnBehalfOf(func(context.Context, audit.Actor) (audit.Actor, error) {
		return audit.User("carol"), nil
	}))
	require.NoError(t, s.End(ctx))
	_, failed := errors.AsType[*audit.ActorError](tracker.Track(ctx, intent(audit.OperationRead, article("a"))))
	assert.True(t, failed)
	assert.Empty(t, trail.all())
}

// What a function returns after its scope has ended may be another request's, so it is an
// error, also for who waits for it.
func TestActorReadAfterEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker, trail := newTrail(t)
		asked, read := make(chan struct{}), make(chan struct{})
		ctx, s := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
			close(asked)
			<-read
			return audit.User("of another request"), nil
		}))
		tracked := make(chan error)
		go func() { tracked <- tracker.Track(ctx, intent(audit.OperationRead, article("a"))) }()
		<-asked
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		require.Error(t, s.End(short), "the event is still being tracked")
		close(read)
		_, failed := errors.AsType[*audit.ActorError](<-tracked)
		assert.True(t, failed)
		assert.Empty(t, trail.all())
	})
}
