package audit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

func TestDetachKeepsTheContext(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	type mine struct{}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx, cancel := context.WithTimeout(context.WithValue(trace.ContextWithSpanContext(t.Context(), span), mine{}, "value"), time.Hour)
	outer, _ := audit.NewScope(ctx, audit.WithScopeMetadata(attribute.String("a", "first")), audit.WithTenant("acme"), plumbing.WithSignalLimit(0))
	request, scope := audit.NewScope(outer, audit.WithChannel("api"), audit.AsActor(audit.User("1")),
		audit.WithScopeMetadata(attribute.String("a", "second")), plumbing.WithClientMetadata(attribute.String("b", "x\xff")))
	job, jobScope, err := audit.Detach(request, audit.WithScopeMetadata(attribute.String("c", "third")))
	require.NoError(t, err)
	require.Same(t, jobScope, audit.ScopeFromContext(job))

	cancel()
	require.NoError(t, job.Err())
	_, ok := job.Deadline()
	assert.False(t, ok)
	assert.Equal(t, "value", job.Value(mine{}))

	// From now on neither scope sees changes of the other.
	require.NoError(t, scope.Set(audit.WithChannel("admin"), audit.WithTenant("other"), audit.AsActor(audit.User("2")),
		audit.WithScopeMetadata(attribute.String("a", "late"), attribute.String("d", "late")), audit.WithoutMetadata("b")))
	require.NoError(t, jobScope.Set(audit.WithScopeMetadata(attribute.String("e", "job"))))
	require.NoError(t, tracker.Track(job, signal(audit.OperationRead, article("1"))))
	require.NoError(t, tracker.Track(request, intent(audit.OperationRead, article("1"))))

	require.Len(t, trail.all(), 2, "Detach copies the signal limit of the outer scope")
	r := trail.all()[0]
	assert.Equal(t, []mark.Mark{{Kind: "signal.overflow"}, {Path: "metadata.b", Kind: "escaped"}}, r.Marks)
	assert.Equal(t, audit.User("1"), r.Actor)
	assert.Equal(t, "api", r.Channel)
	assert.Equal(t, "acme", r.Tenant)
	assert.Equal(t, span.TraceID(), r.TraceID)
	assert.Equal(t, []attribute.KeyValue{
		attribute.String("a", "second"), attribute.String("b", `x\xff`), attribute.String("c", "third"), attribute.String("e", "job"),
	}, r.Metadata)
	assert.Equal(t, []attribute.KeyValue{attribute.String("a", "first")}, r.Overridden)
	assert.Equal(t, []attribute.KeyValue{attribute.String("a", "late"), attribute.String("d", "late")}, trail.all()[1].Metadata)
}

func TestDetachActor(t *testing.T) {
	t.Parallel()
	alice, bob := audit.User("alice"), audit.User("bob")
	resolves := func(a audit.Actor, err error) audit.ScopeOption {
		return audit.WithActor(func(context.Context) (audit.Actor, error) { return a, err })
	}
	never := audit.WithActor(func(context.Context) (audit.Actor, error) { panic("the resolver was called") })
	broken := errors.New("no user store")
	tests := []struct {
		name    string
		outer   []audit.ScopeOption
		outside audit.Actor // set with ContextWithActor outside the scope
		inside  audit.Actor // and inside it
		ended   bool        // the scope has ended before Detach
		opts    []audit.ScopeOption
		want    audit.Actor
		track   error // of an intent in the detached scope
		err     error
	}{
		{name: "known", outer: []audit.ScopeOption{audit.AsActor(alice)}, want: alice},
		{name: "resolved", outer: []audit.ScopeOption{resolves(alice, nil)}, want: alice},
		{name: "none", track: audit.ErrNoActor},
		{name: "resolved to none", outer: []audit.ScopeOption{resolves(audit.Actor{}, nil)}, track: audit.ErrNoActor},
		{name: "resolved to none, actor outside the scope", outer: []audit.ScopeOption{resolves(audit.Actor{}, nil)}, outside: bob, track: audit.ErrNoActor},
		{name: "actor inside the scope", outer: []audit.ScopeOption{never}, inside: bob, want: bob},
		{name: "the resolver fails", outer: []audit.ScopeOption{resolves(audit.Actor{}, broken)}, err: broken},
		{name: "the resolver panics", outer: []audit.ScopeOption{never}, err: &audit.ActorError{}},
		{name: "replaced by AsActor", outer: []audit.ScopeOption{never}, opts: []audit.ScopeOption{audit.AsActor(bob)}, want: bob},
		{name: "replaced by WithActor", outer: []audit.ScopeOption{resolves(alice, nil)}, opts: []audit.ScopeOption{resolves(bob, nil)}, want: bob},
		{name: "replaced by a resolver that returns none", outer: []audit.ScopeOption{resolves(alice, nil)}, opts: []audit.ScopeOption{resolves(audit.Actor{}, nil)}, track: audit.ErrNoActor},
		{name: "replaced by a resolver that inherits", outer: []audit.ScopeOption{resolves(alice, nil)}, opts: []audit.ScopeOption{resolves(audit.Actor{}, plumbing.ErrInherit)}, want: alice},
		{name: "known, scope ended", outer: []audit.ScopeOption{audit.AsActor(alice)}, ended: true, want: alice},
		{name: "unresolved, scope ended", outer: []audit.ScopeOption{never}, ended: true, track: audit.ErrNoActor},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			request, scope := audit.NewScope(audit.ContextWithActor(t.Context(), tt.outside), tt.outer...)
			if tt.ended {
				require.NoError(t, scope.End(t.Context()))
			}
			job, jobScope, err := audit.Detach(audit.ContextWithActor(request, tt.inside), tt.opts...)
			if tt.err != nil {
				var failed *audit.ActorError
				require.ErrorAs(t, err, &failed)
				if _, ok := errors.AsType[*audit.ActorError](tt.err); !ok {
					require.ErrorIs(t, err, tt.err)
				}
				require.Nil(t, job)
				require.Nil(t, jobScope)
				require.NoError(t, scope.End(t.Context()))
				return
			}
			require.NoError(t, err)
			require.NoError(t, scope.End(t.Context()))
			require.ErrorIs(t, tracker.Track(job, intent(audit.OperationRead, article("1"))), tt.track)
			require.NoError(t, tracker.Track(job, signal(audit.OperationDelete, article("1"))))
			require.NoError(t, jobScope.End(t.Context()))
			want := tt.want
			if want.IsZero() {
				want.Type = audit.ActorUnresolved
			}
			for _, r := range trail.all() {
				assert.Equal(t, want, r.Actor)
			}
		})
	}
}

func TestDetachWithoutAScope(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	job, scope, err := audit.Detach(audit.ContextWithActor(t.Context(), audit.User("1")), audit.WithChannel("job"))
	require.NoError(t, err)
	require.NoError(t, tracker.Track(job, signal(audit.OperationRead, article("1"))))
	assert.Empty(t, trail.all(), "the scope holds the signal")
	require.NoError(t, scope.End(job))
	require.Equal(t, []string{"signal article.read"}, trail.actions())
	assert.Equal(t, "job", trail.all()[0].Channel)
}

// TestDetachSignals checks that the intents of one scope do not cover the signals of the
// other, in whichever order the scopes end.
func TestDetachSignals(t *testing.T) {
	t.Parallel()
	a, b := article("a"), article("b")
	for _, requestFirst := range []bool{true, false} {
		tracker, trail := newTrail(t)
		request, scope := audit.NewScope(t.Context(), audit.AsActor(audit.User("1")))
		require.NoError(t, tracker.Track(request, signal(audit.OperationUpdate, a)))
		job, jobScope, err := audit.Detach(request)
		require.NoError(t, err)
		require.NoError(t, tracker.Track(job, intent(audit.OperationUpdate, a)))
		require.NoError(t, tracker.Track(job, signal(audit.OperationDelete, b)))
		require.NoError(t, tracker.Track(request, intent(audit.OperationDelete, b)))
		require.NoError(t, tracker.Track(job, signal(audit.OperationUpdate, a))) // covered
		assert.False(t, scope.Tracked(isAction("intent.update")))
		assert.False(t, jobScope.Tracked(isAction("intent.delete")))

		want := []string{"intent intent.update", "intent intent.delete", "signal article.update", "signal article.delete"}
		if requestFirst {
			require.NoError(t, scope.End(t.Context()))
			require.NoError(t, jobScope.End(job))
		} else {
			require.NoError(t, jobScope.End(job))
			require.NoError(t, scope.End(t.Context()))
			want[2], want[3] = want[3], want[2]
		}
		assert.Equal(t, want, trail.actions())
	}
}

func TestDetachKeepsSuppression(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	request, _ := audit.NewScope(audit.SuppressSignals(t.Context()), audit.AsActor(audit.User("1")))
	job, scope, err := audit.Detach(request)
	require.NoError(t, err)
	require.NoError(t, tracker.Track(job, signal(audit.OperationRead, article("1"))))
	require.NoError(t, scope.End(job))
	assert.Empty(t, trail.all())
}

// TestEndWaitsForDetach checks that a scope does not end while its resolver runs for Detach,
// since the framework reuses the request that the resolver reads. End does not wait for the
// detached scope.
func TestEndWaitsForDetach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		called, release := make(chan struct{}), make(chan struct{})
		request, scope := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
			close(called)
			<-release
			return audit.User("1"), nil
		}))
		go func() {
			_, _, err := audit.Detach(request)
			assert.NoError(t, err)
		}()
		<-called
		ended := make(chan struct{})
		go func() {
			assert.NoError(t, scope.End(t.Context()))
			close(ended)
		}()
		synctest.Wait()
		select {
		case <-ended:
			t.Error("End did not wait for the resolver")
		default:
		}
		close(release)
		<-ended
	})
}

// TestActorErrorHidesText: the error of an actor function is the application's and may have
// a secret. The application finds it with errors.Is.
func TestActorErrorHidesText(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	ctx, _ := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
		return audit.Actor{}, fmt.Errorf("dial postgres://app:hunter2@db: %w", cause)
	}))
	_, _, err := audit.Detach(ctx)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "audit: the actor function failed with a *fmt.wrapError")
	_, err = plumbing.TakeSnapshot(ctx)
	require.EqualError(t, err, "audit: the actor function failed with a *fmt.wrapError")

	ctx, _ = audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) { panic("hunter2") }))
	_, _, err = audit.Detach(ctx)
	require.EqualError(t, err, "audit: the actor function failed: it panicked with a string")
}

// TestDetachResolver checks that Detach times out when the resolver hangs, and fails when the
// resolver itself calls Detach.
func TestDetachResolver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failed *audit.ActorError
		release := make(chan struct{})
		hangs, _ := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
			<-release
			return audit.User("1"), nil
		}))
		start := time.Now()
		_, _, err := audit.Detach(hangs)
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, 10*time.Second, time.Since(start))
		close(release)

		recursive, _ := audit.NewScope(t.Context(), audit.WithActor(func(ctx context.Context) (audit.Actor, error) {
			_, _, err := audit.Detach(ctx)
			return audit.User("1"), err
		}))
		_, _, err = audit.Detach(recursive)
		require.ErrorAs(t, err, &failed)
	})
}
