package audittest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeTB is a testing.TB that collects messages and continues after Fatalf.
type fakeTB struct {
	testing.TB
	errors   []string
	fatal    bool
	cleanups []func()
}

func (*fakeTB) Helper() {}

func (f *fakeTB) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.fatal = true
}

func (f *fakeTB) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }

// end runs the cleanups, as at the end of a test.
func (f *fakeTB) end() {
	for _, cleanup := range f.cleanups {
		cleanup()
	}
}

func update() audit.Event {
	return audit.Event{
		Action:  "article.update",
		Actor:   audit.User("42"),
		Target:  audit.Target{Type: "article", ID: "1001"},
		Outcome: audit.OutcomeSuccess,
		Reason:  "a \"typo\"\nof mine",
		Changes: []audit.Change{{Field: "title", New: attribute.StringValue("New")}},
	}
}

func TestRecordsInOrder(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("example.com/shop", audit.WithVersion("1.2.0"))
	assert.Empty(t, recorder.Records())
	for n := range 20 {
		e := update()
		e.Target.ID = fmt.Sprint(n)
		require.NoError(t, tracker.Track(t.Context(), e))
		require.Len(t, recorder.Records(), n+1, "the record exists when Track returns")
	}
	for n, r := range recorder.Records() {
		assert.Equal(t, fmt.Sprint(n), r.Target.ID)
		assert.Equal(t, record.Instrumentation{Name: "example.com/shop", Version: "1.2.0"}, r.Tracker)
	}
	recorder.Reset()
	assert.Empty(t, recorder.Records())
	require.NoError(t, tracker.Track(t.Context(), update()))
	assert.Len(t, recorder.Records(), 1)
}

func TestRecordsAreCopies(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	e := update()
	require.NoError(t, recorder.Tracker("test").Track(t.Context(), e))
	e.Changes[0].Field = "changed by the caller"
	first := recorder.RequireRecord(t, audittest.Action("article.update"))
	first.Reason, first.Changes[0].Field = "changed", "changed"
	second := recorder.RequireRecord(t, audittest.Action("article.update"))
	assert.Equal(t, update().Reason, second.Reason)
	assert.Equal(t, "title", second.Changes[0].Field)
}

// Errors and options of the provider are those of production.
func TestProductionPath(t *testing.T) {
	t.Parallel()
	drop := sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
		if r.Action == "article.read" {
			return nil
		}
		return next(ctx, r)
	})
	recorder := audittest.NewRecorder(t, sdk.WithProcessor(drop), sdk.WithAnonymous("article.like"))
	tracker := recorder.Tracker("test")
	tests := map[string]struct {
		event audit.Event
		want  error
	}{
		"no actor":          {audit.Event{Action: "article.update"}, audit.ErrNoActor},
		"anonymous":         {audit.Event{Action: "article.update", Actor: audit.Anonymous()}, policy.ErrAnonymousNotAllowed},
		"dropped":           {audit.Event{Action: "article.read", Actor: audit.User("42")}, sdk.ErrDropped},
		"allowed anonymous": {audit.Event{Action: "article.like", Actor: audit.Anonymous()}, nil},
	}
	for name, test := range tests {
		assert.ErrorIs(t, tracker.Track(t.Context(), test.event), test.want, name)
	}
	recorder.RequireRecord(t, audittest.Action("article.like"))
	recorder.RequireNoRecord(t, audittest.Action("article.update"))
	recorder.RequireNoRecord(t, audittest.Action("article.read"))
}

// failing is an exporter that fails.
type failing struct{ shutdown error }

func (failing) Name() string                                   { return "failing" }
func (failing) Export(context.Context, []*record.Record) error { return errors.New("sink is gone") }
func (f failing) Shutdown(context.Context) error               { return f.shutdown }

func TestOtherDeliveryFails(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t, sdk.WithSyncer(failing{}))
	var failed *audit.DeliveryError
	require.ErrorAs(t, recorder.Tracker("test").Track(t.Context(), update()), &failed)
	assert.Equal(t, []string{"recorder"}, failed.Stored)
	recorder.RequireRecord(t, audittest.Action("article.update"))
}

func TestHeldSignal(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	ctx, scope := audit.NewScope(t.Context(), audit.AsActor(audit.User("42")))
	signal := update()
	signal.Kind, signal.Actor = audit.KindSignal, audit.Actor{}
	require.NoError(t, recorder.Tracker("test").Track(ctx, signal))
	recorder.RequireNoRecord(t)
	require.NoError(t, scope.End(ctx))
	assert.Equal(t, audit.KindSignal, recorder.RequireRecord(t, audittest.Action("article.update")).Kind)
}

func TestGlobalProvider(t *testing.T) {
	before := audit.GetTrackerProvider()
	tracker := audit.GetTrackerProvider().Tracker("test")
	recorder := audittest.NewRecorder(t)
	audit.SetTrackerProvider(recorder)
	defer audit.SetTrackerProvider(before)
	require.NoError(t, tracker.Track(t.Context(), update()))
	recorder.RequireRecord(t, audittest.Action("article.update"))
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				assert.NoError(t, tracker.Track(context.Background(), update()))
				assert.NotEmpty(t, recorder.Records())
			}
		})
	}
	wg.Wait()
	assert.Len(t, recorder.Records(), 400)
}

func TestNewRecorderFails(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{}
	audittest.NewRecorder(tb, sdk.WithTrackTimeout(-1))
	assert.True(t, tb.fatal)
	require.Len(t, tb.errors, 1)
	assert.Contains(t, tb.errors[0], "audittest: sdk: cannot create the tracker provider: WithTrackTimeout: the timeout must be positive")
	tb.end()
	assert.Len(t, tb.errors, 1)
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{}
	recorder := audittest.NewRecorder(tb)
	require.NoError(t, recorder.Tracker("test").Track(t.Context(), update()))
	tb.end()
	assert.Empty(t, tb.errors)
	require.ErrorIs(t, recorder.Tracker("test").Track(t.Context(), update()), audit.ErrShutdown)
	recorder.RequireRecord(t, audittest.Action("article.update"))

	audittest.NewRecorder(tb, sdk.WithSyncer(failing{shutdown: errors.New("sink is gone")}))
	tb.end()
	assert.Equal(t, []string{"audittest: shutting down: failing: sink is gone"}, tb.errors)
	assert.False(t, tb.fatal, "the other cleanups run")
}

// TestCounts counts requests and losses as the provider's own tracker does.
func TestCounts(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{}
	recorder := audittest.NewRecorder(tb, sdk.WithGapRecords(time.Hour))
	plumbing.CountRequest(recorder.Tracker("test"), plumbing.RequestSeen)
	plumbing.CountLoss(recorder.Tracker("test"), plumbing.LossMonitor, 2)
	tb.end()
	recorder.RequireRecord(t, audittest.Action(semconv.ActionEpochClose), audittest.Metadata(semconv.CountRequestsKey.StringSlice([]string{"seen: 1"})),
		audittest.Metadata(semconv.CountRejectedKey.StringSlice([]string{"monitor: 2"})))
}
