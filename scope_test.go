package audit_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	disposition "github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is an exporter that keeps the records in memory.
type memory struct {
	mu      sync.Mutex
	records []*record.Record
	fail    error
}

func (m *memory) Name() string { return "memory" }

func (m *memory) Export(_ context.Context, records []*record.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, r := range records {
		m.records = append(m.records, r.Clone())
	}
	return nil
}

func (m *memory) Shutdown(context.Context) error { return nil }

// all returns the records, except those of rejections.
func (m *memory) all() []*record.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.records), func(r *record.Record) bool { return r.Action == semconv.ActionRejected })
}

// actions returns one "kind action" for each record.
func (m *memory) actions() []string {
	got := []string{}
	for _, r := range m.all() {
		got = append(got, r.Kind.String()+" "+r.Action)
	}
	return got
}

// newTrail returns a tracker on the production path, and the exporter of its records.
func newTrail(t *testing.T, opts ...sdk.Option) (audit.Tracker, *memory) {
	t.Helper()
	m := &memory{}
	p, err := sdk.NewTrackerProvider(append([]sdk.Option{sdk.WithSyncer(m)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Shutdown(context.Background())) })
	return p.Tracker("test"), m
}

func article(id string) audit.Target { return audit.Target{Type: "article", ID: id} }

func signal(op audit.Operation, target audit.Target) audit.Event {
	return audit.Event{Kind: audit.KindSignal, Action: "article." + op.String(), Operation: op, Target: target}
}

func intent(op audit.Operation, target audit.Target) audit.Event {
	return audit.Event{Action: "intent." + op.String(), Operation: op, Target: target, Outcome: audit.OutcomeSuccess}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	a, b := article("a"), article("b")
	denied := intent(audit.OperationUpdate, a)
	denied.Outcome = audit.OutcomeDenied
	failed := intent(audit.OperationUpdate, a)
	failed.Outcome = audit.OutcomeFailure
	unknown := intent(audit.OperationUpdate, a)
	unknown.Outcome = audit.OutcomeUnknown
	bulk := intent(audit.OperationUpdate, audit.Target{Type: "article"})
	bulk.Bulk = audit.Bulk{Selector: "all", Affected: 3, Sample: []string{"a", "c"}}
	begun := unknown
	begun.ID = audit.NewID()
	begun.Attempt = begun.ID
	ended := intent(audit.OperationUpdate, a)
	ended.Attempt = begun.ID
	rejected := intent(audit.OperationUpdate, a)
	rejected.Action = "Not-An-Action!"

	tests := []struct {
		name   string
		events []audit.Event
		want   []string
	}{
		{"lone signal", []audit.Event{signal(audit.OperationUpdate, a)}, []string{"signal article.update"}},
		{"intent first", []audit.Event{intent(audit.OperationUpdate, a), signal(audit.OperationUpdate, a)}, []string{"intent intent.update"}},
		{"signal first", []audit.Event{signal(audit.OperationUpdate, a), intent(audit.OperationUpdate, a)}, []string{"intent intent.update"}},
		{"all signals of the object", []audit.Event{
			signal(audit.OperationUpdate, a), intent(audit.OperationUpdate, a), signal(audit.OperationUpdate, a),
		}, []string{"intent intent.update"}},
		{
			"sibling",
			[]audit.Event{intent(audit.OperationUpdate, a), signal(audit.OperationUpdate, b)},
			[]string{"intent intent.update", "signal article.update"},
		},
		{
			"another type",
			[]audit.Event{intent(audit.OperationUpdate, audit.Target{Type: "page", ID: "a"}), signal(audit.OperationUpdate, a)},
			[]string{"intent intent.update", "signal article.update"},
		},
		{
			"another operation",
			[]audit.Event{intent(audit.OperationUpdate, a), signal(audit.OperationDelete, a)},
			[]string{"intent intent.update", "signal article.delete"},
		},
		{
			"an operation that does not change the object covers no write",
			[]audit.Event{
				intent(audit.OperationExecute, a), intent(audit.OperationRead, a),
				signal(audit.OperationUpdate, a), signal(audit.OperationDelete, a),
			},
			[]string{"intent intent.execute", "intent intent.read", "signal article.update", "signal article.delete"},
		},
		{
			"an intent that states no operation covers no write",
			[]audit.Event{signal(audit.OperationDelete, a), intent(audit.OperationUnspecified, a)},
			[]string{"intent intent.unspecified", "signal article.delete"},
		},
		{"unknown outcome covers", []audit.Event{unknown, signal(audit.OperationUpdate, a)}, []string{"intent intent.update"}},
		{"denied covers nothing", []audit.Event{denied, signal(audit.OperationUpdate, a)}, []string{"intent intent.update", "signal article.update"}},
		{"failed covers nothing", []audit.Event{failed, signal(audit.OperationUpdate, a)}, []string{"intent intent.update", "signal article.update"}},
		{"rejected covers nothing", []audit.Event{rejected, signal(audit.OperationUpdate, a)}, []string{"signal article.update"}},
		{"intent without an id covers nothing", []audit.Event{
			intent(audit.OperationUpdate, audit.Target{Type: "article"}), signal(audit.OperationUpdate, audit.Target{Type: "article"}),
		}, []string{"intent intent.update", "signal article.update"}},
		{
			"bulk covers its sample",
			[]audit.Event{signal(audit.OperationUpdate, a), bulk, signal(audit.OperationUpdate, b), signal(audit.OperationUpdate, article("c")), signal(audit.OperationDelete, a)},
			[]string{"intent intent.update", "signal article.update", "signal article.delete"},
		},
		{"the beginning of an attempt covers nothing", []audit.Event{begun, signal(audit.OperationUpdate, a)}, []string{"intent intent.update", "signal article.update"}},
		{
			"the end of an attempt covers",
			[]audit.Event{begun, signal(audit.OperationUpdate, a), ended},
			[]string{"intent intent.update", "intent intent.update"},
		},
		{
			"in the order in which they were raised",
			[]audit.Event{signal(audit.OperationUpdate, b), signal(audit.OperationCreate, a)},
			[]string{"signal article.update", "signal article.create"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
			for _, e := range tt.events {
				err := tracker.Track(ctx, e)
				if e.Action == rejected.Action {
					var invalid *audit.ValidationError
					require.ErrorAs(t, err, &invalid)
					continue
				}
				require.NoError(t, err)
			}
			require.NoError(t, s.End(ctx))
			assert.Equal(t, tt.want, trail.actions())
		})
	}
}

func TestCoverageIsPerProvider(t *testing.T) {
	t.Parallel()
	one, oneTrail := newTrail(t)
	two, twoTrail := newTrail(t)
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
	require.NoError(t, one.Track(ctx, intent(audit.OperationUpdate, article("a"))))
	require.NoError(t, two.Track(ctx, signal(audit.OperationUpdate, article("a"))))
	require.NoError(t, s.End(ctx))
	assert.Equal(t, []string{"intent intent.update"}, oneTrail.actions())
	assert.Equal(t, []string{"signal article.update"}, twoTrail.actions())
}

func TestCoverageAcrossScopes(t *testing.T) {
	t.Parallel()
	update := signal(audit.OperationUpdate, article("a"))
	covering := intent(audit.OperationUpdate, article("a"))

	t.Run("inner intent, outer signal", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx, outer := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
		require.NoError(t, tracker.Track(ctx, update))
		require.NoError(t, audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, covering) }))
		assert.True(t, outer.Tracked(isAction("intent.update")))
		require.NoError(t, outer.End(ctx))
		assert.Equal(t, []string{"intent intent.update"}, trail.actions())
	})
	t.Run("inner signal, outer intent later", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx, outer := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
		require.NoError(t, audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, update) }))
		assert.Empty(t, trail.actions(), "the inner scope passes it to the outer scope")
		require.NoError(t, tracker.Track(ctx, covering))
		require.NoError(t, outer.End(ctx))
		assert.Equal(t, []string{"intent intent.update"}, trail.actions())
	})
	t.Run("inner signal, outer intent before", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx, outer := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
		require.NoError(t, tracker.Track(ctx, covering))
		require.NoError(t, audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, update) }))
		require.NoError(t, outer.End(ctx))
		assert.Equal(t, []string{"intent intent.update"}, trail.actions())
	})
	t.Run("sibling scopes do not cover each other", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
		require.NoError(t, audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, covering) }))
		require.NoError(t, audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, update) }))
		assert.Equal(t, []string{"intent intent.update", "signal article.update"}, trail.actions())
	})
	t.Run("the outer scope has ended", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx, outer := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
		inner, s := audit.NewScope(ctx)
		require.NoError(t, tracker.Track(inner, update))
		require.NoError(t, outer.End(ctx))
		require.NoError(t, s.End(ctx))
		assert.Equal(t, []string{"signal article.update"}, trail.actions())
	})
	t.Run("the outer scope is full", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx, outer := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")), plumbing.WithSignalLimit(0))
		require.NoError(t, audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, update) }, plumbing.WithSignalLimit(5)))
		assert.Equal(t, []mark.Mark{{Kind: "signal.overflow"}}, trail.all()[0].Marks)
		require.NoError(t, outer.End(ctx))
		assert.Len(t, trail.all(), 1)
	})
}

func TestIntentInFlightWhenTheScopeEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		tracker, trail := newTrail(t, sdk.WithProcessor(sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
			if r.Kind == audit.KindIntent {
				<-release
			}
			return next(ctx, r)
		})))
		ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("a"))))
		tracked, ended := make(chan error, 1), make(chan error, 1)
		go func() { tracked <- tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))) }()
		synctest.Wait()
		go func() { ended <- s.End(ctx) }()
		synctest.Wait()
		assert.Empty(t, ended, "End waits for the intent in flight")
		close(release)
		require.NoError(t, <-tracked)
		require.NoError(t, <-ended)
		assert.Equal(t, []string{"intent intent.update"}, trail.actions())
	})
}

func TestEndWaitsForExpect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker, trail := newTrail(t)
		outerCtx, outer := audit.NewScope(t.Context())
		ctx, s := audit.NewScope(outerCtx, audit.AsActor(audit.User("42")))
		require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))))
		done := plumbing.Expect(s)
		ended := make(chan error, 1)
		go func() { ended <- errors.Join(s.End(ctx), outer.End(outerCtx)) }()
		synctest.Wait()
		assert.Empty(t, ended, "End waits")
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("a"))), "covered")
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("b"))))
		done()
		done()
		require.NoError(t, <-ended)
		assert.Equal(t, []string{"intent intent.update", "signal article.update"}, trail.actions())
		assert.Equal(t, "42", trail.all()[1].Actor.ID)
		plumbing.Expect(s)() // does nothing after End
		plumbing.Expect(nil)()
	})
}

func TestEndTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		tracker, trail := newTrail(t, sdk.WithProcessor(sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
			if r.Kind == audit.KindIntent {
				<-stuck
			}
			return next(ctx, r)
		})))
		ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("a"))))
		tracked := make(chan error, 1)
		go func() { tracked <- tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))) }()
		synctest.Wait()

		start := time.Now()
		assert.ErrorContains(t, s.End(ctx), "still being tracked")
		assert.Equal(t, 5*time.Second, time.Since(start), "the rest of the track timeout is for the delivery")
		assert.Equal(t, []string{"signal article.update"}, trail.actions(), "twice is better than never")
		close(stuck)
		require.NoError(t, <-tracked)
	})
}

func TestEndTwice(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	trail.fail = errors.New("exporter failed")
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
	require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("a"))), "the scope holds it")
	first := s.End(ctx)
	require.ErrorIs(t, first, trail.fail, "End returns the error of the export")
	trail.fail = nil
	assert.Equal(t, first, s.End(ctx), "the second call releases nothing")
	assert.Empty(t, trail.all())
}

func TestAfterEnd(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	called := 0
	ctx, s := audit.NewScope(t.Context(),
		audit.WithActor(func(context.Context) (audit.Actor, error) { called++; return audit.User("42"), nil }),
		audit.WithChannel("api"), audit.WithTenant("acme"), audit.WithScopeMetadata(attribute.String("k", "v")))
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))))
	require.NoError(t, s.End(ctx))

	require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("a"))), "a signal is recorded at once")
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("b"))))
	require.Equal(t, []string{"intent intent.update", "signal article.update", "intent intent.update"}, trail.actions())
	for _, r := range trail.all() {
		assert.Equal(t, audit.User("42"), r.Actor)
		assert.Equal(t, "api", r.Channel)
		assert.Equal(t, "acme", r.Tenant)
		assert.Equal(t, []attribute.KeyValue{attribute.String("k", "v")}, r.Metadata)
	}
	assert.Equal(t, 1, called)
	require.ErrorIs(t, s.Set(audit.WithTenant("x")), audit.ErrScopeEnded)
	require.ErrorIs(t, audit.SetActor(ctx, audit.User("7")), audit.ErrScopeEnded)
}

func TestResolverIsNotCalledAfterEnd(t *testing.T) {
	t.Parallel()
	tracker, _ := newTrail(t)
	ctx, s := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
		t.Error("called after End")
		return audit.User("user of another request"), nil
	}))
	require.NoError(t, s.End(ctx))
	require.ErrorIs(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))), audit.ErrNoActor)
}

func TestSignalOverflow(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
	for i := range 1000 + 2 {
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article(fmt.Sprint(i)))))
	}
	require.Len(t, trail.all(), 2, "signals beyond the limit are recorded at once")
	for _, r := range trail.all() {
		assert.Equal(t, []mark.Mark{{Kind: "signal.overflow"}}, r.Marks)
	}
	require.NoError(t, s.End(ctx))
	assert.Len(t, trail.all(), 1000+2)
}

func TestActorOfSignals(t *testing.T) {
	t.Parallel()
	one := signal(audit.OperationUpdate, article("a"))
	tests := []struct {
		name string
		do   func(t *testing.T, tracker audit.Tracker)
		want audit.Actor
	}{
		{"known when the signal is raised", func(t *testing.T, tracker audit.Tracker) {
			ctx, s := audit.NewScope(t.Context())
			require.NoError(t, tracker.Track(audit.ContextWithActor(ctx, audit.User("raiser")), one))
			require.NoError(t, audit.SetActor(ctx, audit.User("later")))
			require.NoError(t, s.End(ctx))
		}, audit.User("raiser")},
		{"known when the scope ends", func(t *testing.T, tracker audit.Tracker) {
			ctx, s := audit.NewScope(t.Context())
			require.NoError(t, tracker.Track(ctx, one))
			require.NoError(t, audit.SetActor(ctx, audit.User("later")))
			require.NoError(t, s.End(ctx))
		}, audit.User("later")},
		{"known when the outer scope ends", func(t *testing.T, tracker audit.Tracker) {
			ctx, s := audit.NewScope(t.Context())
			require.NoError(t, audit.Run(ctx, func(ctx context.Context) error { return tracker.Track(ctx, one) }))
			require.NoError(t, audit.SetActor(ctx, audit.User("outer")))
			require.NoError(t, s.End(ctx))
		}, audit.User("outer")},
		{"never known", func(t *testing.T, tracker audit.Tracker) {
			require.NoError(t, audit.Run(t.Context(), func(ctx context.Context) error { return tracker.Track(ctx, one) }))
		}, audit.Actor{Type: audit.ActorUnresolved}},
		{"never known, outside a scope", func(t *testing.T, tracker audit.Tracker) {
			require.NoError(t, tracker.Track(t.Context(), one))
		}, audit.Actor{Type: audit.ActorUnresolved}},
		{"session known when the scope ends is fingerprinted", func(t *testing.T, tracker audit.Tracker) {
			ctx, s := audit.NewScope(t.Context())
			require.NoError(t, tracker.Track(ctx, one))
			require.NoError(t, audit.SetActor(ctx, audit.Actor{Type: audit.ActorUser, ID: "1", SessionID: "test"}))
			require.NoError(t, s.End(ctx))
		}, audit.Actor{Type: audit.ActorUser, ID: "1", SessionID: "9f86d081884c7d65"}},
		{"session known when raised is fingerprinted once", func(t *testing.T, tracker audit.Tracker) {
			ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.Actor{Type: audit.ActorUser, ID: "1", SessionID: "test"}))
			require.NoError(t, tracker.Track(ctx, one))
			require.NoError(t, s.End(ctx))
		}, audit.Actor{Type: audit.ActorUser, ID: "1", SessionID: "9f86d081884c7d65"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			tt.do(t, tracker)
			require.Len(t, trail.all(), 1)
			assert.Equal(t, tt.want, trail.all()[0].Actor)
		})
	}
}

func TestSuppressSignals(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx := audit.SuppressSignals(audit.ContextWithActor(t.Context(), audit.User("42")))
	require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("a"))))
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))))
	require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
		return tracker.Track(ctx, signal(audit.OperationDelete, article("a")))
	}))
	assert.Equal(t, []string{"intent intent.update"}, trail.actions())
}

func TestActorResolution(t *testing.T) {
	t.Parallel()
	resolver := func(a audit.Actor, err error) audit.ScopeOption {
		return audit.WithActor(func(context.Context) (audit.Actor, error) { return a, err })
	}
	broken := errors.New("directory unavailable")
	tests := []struct {
		name    string
		context func(context.Context) context.Context
		own     audit.Actor
		want    audit.Actor
		err     error
	}{
		{name: "none", context: scoped(), err: audit.ErrNoActor},
		{name: "none, without a scope", context: func(ctx context.Context) context.Context { return ctx }, err: audit.ErrNoActor},
		{name: "the event's own", context: scoped(audit.AsActor(audit.User("scope"))), own: audit.User("own"), want: audit.User("own")},
		{name: "the scope's", context: scoped(audit.AsActor(audit.User("scope"))), want: audit.User("scope")},
		{name: "the resolver's", context: scoped(resolver(audit.User("resolved"), nil)), want: audit.User("resolved")},
		{name: "AsActor before the resolver", context: scoped(resolver(audit.User("resolved"), nil), audit.AsActor(audit.User("known"))), want: audit.User("known")},
		{name: "the resolver returns none", context: scoped(resolver(audit.Actor{}, nil)), err: audit.ErrNoActor},
		{name: "the resolver fails", context: scoped(resolver(audit.Actor{}, broken)), err: broken},
		{name: "nearer context in a scope", context: func(ctx context.Context) context.Context {
			return audit.ContextWithActor(scoped(audit.AsActor(audit.User("scope")))(ctx), audit.User("nearer"))
		}, want: audit.User("nearer")},
		{name: "nearer scope in a context", context: func(ctx context.Context) context.Context {
			return scoped(audit.AsActor(audit.User("nearer")))(audit.ContextWithActor(ctx, audit.User("context")))
		}, want: audit.User("nearer")},
		{name: "inherited through a scope without one", context: func(ctx context.Context) context.Context {
			return scoped()(audit.ContextWithActor(ctx, audit.User("context")))
		}, want: audit.User("context")},
		{name: "inherited from the outer scope", context: func(ctx context.Context) context.Context {
			return scoped()(scoped(audit.AsActor(audit.User("outer")))(ctx))
		}, want: audit.User("outer")},
		{name: "the inner resolver returns none, the outer one does", context: func(ctx context.Context) context.Context {
			return scoped(resolver(audit.Actor{}, nil))(scoped(resolver(audit.User("outer"), nil))(ctx))
		}, err: audit.ErrNoActor},
		{name: "the resolver returns none in a context with an actor", context: func(ctx context.Context) context.Context {
			return scoped(resolver(audit.Actor{}, nil))(audit.ContextWithActor(ctx, audit.System("server")))
		}, err: audit.ErrNoActor},
		{name: "a scope inside one whose resolver returns none", context: func(ctx context.Context) context.Context {
			return scoped()(scoped(resolver(audit.Actor{}, nil))(audit.ContextWithActor(ctx, audit.System("server"))))
		}, err: audit.ErrNoActor},
		{name: "the inner resolver inherits from the outer one", context: func(ctx context.Context) context.Context {
			return scoped(resolver(audit.Actor{}, plumbing.ErrInherit))(scoped(resolver(audit.User("outer"), nil))(ctx))
		}, want: audit.User("outer")},
		{name: "the resolver inherits from the context", context: func(ctx context.Context) context.Context {
			return scoped(resolver(audit.Actor{}, fmt.Errorf("not here: %w", plumbing.ErrInherit)))(audit.ContextWithActor(ctx, audit.User("context")))
		}, want: audit.User("context")},
		{name: "the resolver inherits nobody", context: scoped(resolver(audit.Actor{}, plumbing.ErrInherit)), err: audit.ErrNoActor},
		{name: "the error of the inner resolver wins over an outer actor", context: func(ctx context.Context) context.Context {
			return scoped(resolver(audit.Actor{}, broken))(scoped(audit.AsActor(audit.User("outer")))(ctx))
		}, err: broken},
		{name: "a zero actor in the context is ignored", context: func(ctx context.Context) context.Context {
			return audit.ContextWithActor(scoped(audit.AsActor(audit.User("scope")))(ctx), audit.Actor{})
		}, want: audit.User("scope")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			e := intent(audit.OperationUpdate, article("a"))
			e.Actor = tt.own
			err := tracker.Track(tt.context(t.Context()), e)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				assert.Empty(t, trail.all())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, trail.all()[0].Actor)
		})
	}
}

func scoped(opts ...audit.ScopeOption) func(context.Context) context.Context {
	return func(ctx context.Context) context.Context {
		ctx, _ = audit.NewScope(ctx, opts...)
		return ctx
	}
}

func TestResolverIsCalledLazilyAndOnce(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	var calls atomic.Int32
	type key struct{}
	ctx, s := audit.NewScope(t.Context(), audit.WithActor(func(ctx context.Context) (audit.Actor, error) {
		calls.Add(1)
		id, _ := ctx.Value(key{}).(string)
		return audit.User(id), nil
	}))
	assert.Zero(t, calls.Load(), "no event needs it yet")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := tracker.Track(context.WithValue(ctx, key{}, "seen"), intent(audit.OperationUpdate, article("a")))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, calls.Load())
	require.Len(t, trail.all(), 50)
	for _, r := range trail.all() {
		assert.Equal(t, audit.User("seen"), r.Actor)
	}
	require.NoError(t, s.End(ctx))
}

func TestResolverErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	tracker, _ := newTrail(t)
	calls := 0
	ctx, _ := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
		if calls++; calls == 1 {
			return audit.Actor{}, errors.New("temporary failure")
		}
		return audit.User("42"), nil
	}))
	var failed *audit.ActorError
	require.ErrorAs(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))), &failed)
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))))
}

func TestBadResolvers(t *testing.T) {
	t.Parallel()
	t.Run("panics", func(t *testing.T) {
		t.Parallel()
		tracker, _ := newTrail(t)
		ctx, _ := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) { panic("secret password") }))
		err := tracker.Track(ctx, intent(audit.OperationUpdate, article("a")))
		require.ErrorContains(t, err, "panicked with a string")
		assert.NotContains(t, err.Error(), "secret")
	})
	t.Run("tracks without an actor itself", func(t *testing.T) {
		t.Parallel()
		tracker, _ := newTrail(t)
		ctx, _ := audit.NewScope(t.Context(), audit.WithActor(func(ctx context.Context) (audit.Actor, error) {
			return audit.Actor{}, audit.Run(ctx, func(ctx context.Context) error {
				return tracker.Track(ctx, intent(audit.OperationRead, article("a")))
			})
		}))
		require.ErrorContains(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))), "tracked an event that needs the actor")
	})
	t.Run("tracks with an actor of its own", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx, _ := audit.NewScope(t.Context(), audit.WithActor(func(ctx context.Context) (audit.Actor, error) {
			e := intent(audit.OperationRead, article("a"))
			e.Actor = audit.System("directory")
			return audit.User("42"), tracker.Track(ctx, e)
		}))
		require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))))
		assert.Equal(t, []string{"intent intent.read", "intent intent.update"}, trail.actions())
	})
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			tracker, trail := newTrail(t, sdk.WithTrackTimeout(3*time.Second))
			release := make(chan struct{})
			ctx, s := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
				<-release
				return audit.User("user of another request"), nil
			}))
			start := time.Now()
			err := tracker.Track(ctx, intent(audit.OperationUpdate, article("a")))
			require.ErrorContains(t, err, "did not return within the track timeout")
			assert.Equal(t, 3*time.Second, time.Since(start))
			require.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, article("a"))))
			require.NoError(t, s.End(ctx))
			close(release)
			synctest.Wait()
			require.ErrorIs(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))), audit.ErrNoActor,
				"the result of a resolver after End is discarded")
			require.Equal(t, []string{"signal article.update"}, trail.actions())
			assert.Equal(t, audit.ActorUnresolved, trail.all()[0].Actor.Type)
		})
	})
	t.Run("gets a deadline and not the cancellation of the caller", func(t *testing.T) {
		t.Parallel()
		tracker, _ := newTrail(t)
		base, cancel := context.WithCancel(t.Context())
		ctx, _ := audit.NewScope(base, audit.WithActor(func(ctx context.Context) (audit.Actor, error) {
			_, bounded := ctx.Deadline()
			assert.True(t, bounded)
			return audit.User("42"), ctx.Err()
		}))
		cancel()
		require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))))
	})
}

func TestScopeIsolation(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	outer, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("outer")), audit.WithChannel("api"),
		audit.WithTenant("acme"), audit.WithScopeMetadata(attribute.String("a", "1"), attribute.String("b", "2")))
	inner, _ := audit.NewScope(outer, audit.AsActor(audit.User("inner")), audit.WithChannel("job"),
		audit.WithScopeMetadata(attribute.String("b", "3"), attribute.String("c", "4")))
	require.NoError(t, tracker.Track(inner, intent(audit.OperationUpdate, article("a"))))
	require.NoError(t, tracker.Track(outer, intent(audit.OperationUpdate, article("a"))))
	require.NoError(t, s.Set(audit.WithScopeMetadata(attribute.String("a", "5")), audit.WithTenant("other")))
	require.NoError(t, tracker.Track(inner, intent(audit.OperationUpdate, article("a"))))
	require.NoError(t, tracker.Track(outer, intent(audit.OperationUpdate, article("a"))))

	type seen struct {
		actor, channel, tenant string
		metadata, overridden   []attribute.KeyValue
	}
	var got []seen
	for _, r := range trail.all() {
		got = append(got, seen{r.Actor.ID, r.Channel, r.Tenant, r.Metadata, r.Overridden})
	}
	kv := attribute.String
	innerSeen := seen{"inner", "job", "acme", []attribute.KeyValue{kv("a", "1"), kv("b", "3"), kv("c", "4")}, []attribute.KeyValue{kv("b", "2")}}
	assert.Equal(t, []seen{
		innerSeen,
		{"outer", "api", "acme", []attribute.KeyValue{kv("a", "1"), kv("b", "2")}, nil},
		innerSeen,
		{"outer", "api", "other", []attribute.KeyValue{kv("a", "5"), kv("b", "2")}, []attribute.KeyValue{kv("a", "1")}},
	}, got)
}

func TestMetadataOverride(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	kv := attribute.String
	ctx, _ := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")),
		plumbing.WithClientMetadata(kv("user_agent.original", "bad\x1b agent")),
		audit.WithScopeMetadata(kv("client.address", "203.0.113.7"), kv("same", "x")))
	ctx, _ = audit.NewScope(ctx, audit.WithScopeMetadata(kv("client.address", "198.51.100.1")))
	e := intent(audit.OperationUpdate, article("a"))
	e.Metadata = []attribute.KeyValue{kv("z", "1"), kv("client.address", "10.0.0.1"), kv("same", "x"), kv("a", "2"), kv("user_agent.original", "mine")}
	require.NoError(t, tracker.Track(ctx, e))
	r := trail.all()[0]
	assert.Equal(t, []attribute.KeyValue{kv("a", "2"), kv("client.address", "10.0.0.1"), kv("same", "x"), kv("user_agent.original", "mine"), kv("z", "1")}, r.Metadata)
	assert.Equal(t, []attribute.KeyValue{kv("client.address", "203.0.113.7"), kv("user_agent.original", `bad\x1b agent`)}, r.Overridden,
		"the first value stays, which the client could not forge")
	assert.Equal(t, []mark.Mark{{Path: "overridden.user_agent.original", Kind: "escaped"}}, r.Marks)
	assert.Equal(t, "z", string(e.Metadata[0].Key), "the caller's slice is not sorted in place")
}

func TestClientMetadata(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx, _ := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")), plumbing.WithClientMetadata(
		attribute.String("long", strings.Repeat("é", 600)),
		attribute.String("valid", "plain é"),
		attribute.StringSlice("list", []string{"ok", "\xff"}),
		attribute.Int("number", 7),
	))
	require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article("a"))))
	r := trail.all()[0]
	assert.Equal(t, []attribute.KeyValue{
		attribute.StringSlice("list", []string{"ok", `\xff`}),
		attribute.String("long", strings.Repeat("é", 256)),
		attribute.Int("number", 7),
		attribute.String("valid", "plain é"),
	}, r.Metadata)
	assert.Equal(t, []mark.Mark{
		{Path: "metadata.list[1]", Kind: "escaped"},
		{Path: "metadata.long", Kind: "cut", Length: 1200, SHA256: sha256.Sum256([]byte(strings.Repeat("é", 600)))},
	}, r.Marks)
}

func TestRun(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	exportErr := errors.New("exporter failed")
	update := signal(audit.OperationUpdate, article("a"))

	t.Run("joins the errors", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		trail.fail = exportErr
		err := audit.Run(t.Context(), func(ctx context.Context) error {
			return errors.Join(tracker.Track(ctx, update), broken)
		})
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, err, exportErr)
	})
	t.Run("a panic ends the scope and continues", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		assert.PanicsWithValue(t, "boom", func() {
			_ = audit.Run(t.Context(), func(ctx context.Context) error {
				_ = tracker.Track(ctx, update)
				panic("boom")
			})
		})
		assert.Equal(t, []string{"signal article.update"}, trail.actions())
	})
	t.Run("a panic continues with its value if End fails, which is reported", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		trail.fail = exportErr
		assert.PanicsWithValue(t, broken, func() {
			_ = audit.Run(t.Context(), func(ctx context.Context) error {
				_ = tracker.Track(ctx, update)
				panic(broken)
			})
		})
	})
	t.Run("a canceled context loses no signal", func(t *testing.T) {
		t.Parallel()
		tracker, trail := newTrail(t)
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
			cancel()
			return tracker.Track(ctx, update)
		}))
		assert.Equal(t, []string{"signal article.update"}, trail.actions())
	})
}

func TestNilScope(t *testing.T) {
	t.Parallel()
	var s *audit.Scope
	require.ErrorIs(t, s.Set(audit.WithTenant("x")), audit.ErrNoScope)
	require.ErrorIs(t, audit.SetActor(t.Context(), audit.User("1")), audit.ErrNoScope)
	require.NoError(t, s.End(t.Context()))
	assert.False(t, s.Tracked(func(*audit.Event) bool { return true }))
	inside.Audit.Accepted(t.Context(), s, nil, audit.Event{})
	assert.Equal(t, disposition.Record, inside.Audit.Hold(s, nil, &audit.Event{}, nil))
	assert.Nil(t, audit.ScopeFromContext(t.Context()))
}

func TestManyIntentsInOneScope(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.System("import")))
	const n = 12_000 // the scope remembers at least the last 5,000
	for i := range n {
		require.NoError(t, tracker.Track(ctx, intent(audit.OperationCreate, article(fmt.Sprint(i)))))
	}
	for i := n - 5_000; i < n; i++ {
		require.NoError(t, tracker.Track(ctx, signal(audit.OperationCreate, article(fmt.Sprint(i)))))
	}
	require.NoError(t, tracker.Track(ctx, signal(audit.OperationCreate, article("1000"))))
	require.NoError(t, s.End(ctx))
	assert.Len(t, trail.all(), n+1, "a signal whose intent was forgotten is recorded, not lost")
}

func TestScopeConcurrently(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx, s := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				target := article(fmt.Sprintf("%d-%d", g, i))
				assert.NoError(t, tracker.Track(ctx, signal(audit.OperationUpdate, target)))
				_ = s.Set(audit.WithScopeMetadata(attribute.Int("i", i)))
				if i%2 == 0 {
					assert.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, target)))
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, s.End(ctx))
	intents, signals := 0, 0
	for _, a := range trail.actions() {
		if strings.HasPrefix(a, "intent") {
			intents++
		} else {
			signals++
		}
	}
	assert.Equal(t, 200, intents)
	assert.Equal(t, 200, signals, "one for each object without an intent")
}
