package unit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/unit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// update is an intent about an article.
func update(id string) audit.Event {
	return audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "article", ID: id},
	}
}

// write is a signal of the same write.
func write(id string) audit.Event {
	e := update(id)
	e.Kind, e.Action = audit.KindSignal, "article.update"
	return e
}

// fixture tracks events in the production pipeline.
type fixture struct {
	t        *testing.T
	recorder *audittest.Recorder
	tracker  audit.Tracker
	ctx      context.Context
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	r := audittest.NewRecorder(t)
	return &fixture{t: t, recorder: r, tracker: r.Tracker("example.com/app"), ctx: audit.ContextWithActor(t.Context(), audit.User("42"))}
}

func (f *fixture) begin(opts ...unit.Option) *unit.Unit {
	f.t.Helper()
	u, err := unit.Begin(f.ctx, f.tracker, audit.Event{}, opts...)
	require.NoError(f.t, err)
	return u
}

func (f *fixture) track(ctx context.Context, events ...audit.Event) {
	f.t.Helper()
	for _, e := range events {
		require.NoError(f.t, f.tracker.Track(ctx, e))
	}
}

// lines describes the records.
func (f *fixture) lines() (lines []string) {
	for _, r := range f.recorder.Records() {
		lines = append(lines, describe(r))
	}
	return lines
}

func describe(r *record.Record) string {
	line := r.Action
	if r.Target.ID != "" {
		line += " " + r.Target.ID
	}
	if r.BeginsAttempt() {
		return line + " begins"
	}
	line += " " + r.Outcome.String()
	for _, kv := range r.Metadata {
		switch kv.Key {
		case semconv.UnitEndKey:
			line += " (" + kv.Value.String() + ")"
		case semconv.UnitRunsKey, semconv.ErrorTypeKey:
			line += " " + kv.Value.String()
		}
	}
	return line
}

func valueOf(r *record.Record, key attribute.Key) string {
	for _, kv := range r.Metadata {
		if kv.Key == key {
			return kv.Value.String()
		}
	}
	return ""
}

const (
	begins    = "unit.commit begins"
	committed = "unit.commit success"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u := f.begin()
	ctx := u.Start(f.ctx)
	f.track(ctx, update("1"), update("2"))
	require.Equal(t, []string{begins}, f.lines(), "nothing else is recorded before the commit")
	require.NoError(t, u.Commit())
	assert.Equal(t, []string{begins, "article.publish 1 success", "article.publish 2 success", committed}, f.lines())

	records := f.recorder.Records()
	for _, r := range records[1:3] {
		assert.Equal(t, u.ID().String(), valueOf(r, semconv.UnitKey))
		assert.Equal(t, "42", r.Actor.ID)
		assert.False(t, r.Time.After(records[3].Time))
	}
	assert.Equal(t, u.ID(), records[0].ID)
	assert.Equal(t, u.ID(), records[3].Attempt)

	require.NoError(t, u.Commit(), "there is nothing left to record")
	require.ErrorIs(t, u.Rollback(nil), unit.ErrEnded)
	f.track(ctx, update("3"))
	assert.Equal(t, "article.publish 3 success", f.lines()[4], "after the end it is recorded at once")
	assert.Equal(t, ctx, u.Start(ctx))
}

func TestEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end  func(*unit.Unit) error
		want []string
	}{
		"rolled back": {
			func(u *unit.Unit) error { return u.Rollback(context.Canceled) },
			[]string{begins, "article.publish 1 failure (rolled_back)", "article.update 2 failure (rolled_back)", "unit.commit failure (rolled_back) context.Canceled"},
		},
		"unknown": {
			func(u *unit.Unit) error { return u.Unknown(nil) },
			[]string{begins, "article.publish 1 unknown (unknown)", "article.update 2 unknown (unknown)", "unit.commit unknown (unknown)"},
		},
		"committed": {
			(*unit.Unit).Commit,
			[]string{begins, "article.publish 1 success", "article.update 2 success", committed},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			u := f.begin()
			f.track(u.Start(f.ctx), write("1"), update("1"), write("2"), write("1"))
			require.NoError(t, tt.end(u))
			assert.Equal(t, tt.want, f.lines())
		})
	}
}

func TestRecordedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u := f.begin()
	ctx := u.Start(f.ctx)
	denied, failed := update("1"), update("2")
	denied.Outcome, failed.Outcome = audit.OutcomeDenied, audit.OutcomeFailure
	f.track(ctx, denied, failed)
	attempt, err := audit.Begin(ctx, f.tracker, audit.Event{Action: "payout.send"})
	require.NoError(t, err)
	require.NoError(t, attempt.Finish(unit.Outside(ctx), audit.Event{Outcome: audit.OutcomeSuccess}))
	want := []string{begins, "article.publish 1 denied", "article.publish 2 failure", "payout.send begins", "payout.send success"}
	assert.Equal(t, want, f.lines())
	require.NoError(t, u.Rollback(nil))
	assert.Equal(t, append(want, "unit.commit failure (rolled_back)"), f.lines())
}

func TestRejectedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u := f.begin()
	ctx := u.Start(t.Context()) // without an actor
	require.ErrorIs(t, f.tracker.Track(ctx, update("1")), audit.ErrNoActor)
	_, ok := errors.AsType[*audit.ValidationError](f.tracker.Track(audit.ContextWithActor(ctx, audit.User("1")), audit.Event{Action: "-"}))
	assert.True(t, ok)
	require.NoError(t, u.Commit())
	assert.Equal(t, []string{begins, "audit.rejected 1 failure", "audit.rejected failure", committed}, f.lines())
}

func TestRerun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u := f.begin()
	first := u.Start(f.ctx)
	f.track(first, update("1"), write("2"))
	second := u.Start(f.ctx)
	f.track(second, write("1"), update("3"))
	require.NoError(t, u.Commit())
	assert.Equal(t, []string{begins, "article.publish 3 success", "article.update 1 success", "unit.commit success 2"}, f.lines(),
		"an intent of the first run covers nothing in the second")
}

func TestSavepoints(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u := f.begin()
	ctx := u.Start(f.ctx)
	f.track(ctx, update("1"))
	inner, s, err := unit.NewSavepoint(ctx)
	require.NoError(t, err)
	f.track(inner, update("2"), write("3"))
	deep, d, err := unit.NewSavepoint(inner)
	require.NoError(t, err)
	f.track(deep, update("4"))
	require.NoError(t, d.Release())
	require.NoError(t, s.Rollback())
	require.ErrorIs(t, s.Release(), unit.ErrEnded)

	inner, s, err = unit.NewSavepoint(ctx)
	require.NoError(t, err)
	f.track(inner, write("5"), update("6"))
	require.NoError(t, s.Release())
	f.track(ctx, update("5"), write("2"), write("6"))

	open, _, err := unit.NewSavepoint(ctx)
	require.NoError(t, err)
	f.track(open, update("7"), write("8"))
	require.NoError(t, u.Commit())
	assert.Equal(t, []string{
		begins, "article.publish 1 success",
		"article.publish 2 failure (rolled_back)", "article.publish 4 failure (rolled_back)", "article.update 3 failure (rolled_back)",
		"article.publish 6 success", "article.publish 5 success", "article.publish 7 success",
		"article.update 2 success", "article.update 8 success", committed,
	}, f.lines())
	_, _, err = unit.NewSavepoint(ctx)
	require.ErrorIs(t, err, unit.ErrNoUnit)
	_, _, err = unit.NewSavepoint(t.Context())
	require.ErrorIs(t, err, unit.ErrNoUnit)
}

// TestAfterSavepoint tracks events under the context of a savepoint that has ended: what they
// say was done in the transaction around it.
func TestAfterSavepoint(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*unit.Savepoint) error{
		"released": (*unit.Savepoint).Release, "rolled back": (*unit.Savepoint).Rollback,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			u := f.begin()
			ctx, s, err := unit.NewSavepoint(u.Start(f.ctx))
			require.NoError(t, err)
			require.NoError(t, end(s))
			f.track(ctx, update("1"), write("2"))
			require.NoError(t, u.Rollback(nil))
			assert.Equal(t, []string{
				begins, "article.publish 1 failure (rolled_back)", "article.update 2 failure (rolled_back)", "unit.commit failure (rolled_back)",
			}, f.lines())
		})
	}
}

// TestScopesAround tests which signals around a unit its intents cover.
func TestScopesAround(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end  func(*unit.Unit) error
		want []string
	}{
		"committed": {(*unit.Unit).Commit, []string{begins, "article.publish 1 success", committed, "article.publish 2 success"}},
		"rolled back": {func(u *unit.Unit) error { return u.Rollback(nil) }, []string{
			begins, "article.publish 1 failure (rolled_back)", "article.update 2 failure (rolled_back)", "unit.commit failure (rolled_back)",
			"article.publish 2 success", "article.update 1 success",
		}},
		"unknown": {func(u *unit.Unit) error { return u.Unknown(nil) }, []string{
			begins, "article.publish 1 unknown (unknown)", "article.update 2 unknown (unknown)", "unit.commit unknown (unknown)",
			"article.publish 2 success", "article.update 1 success",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			require.NoError(t, audit.Run(f.ctx, func(ctx context.Context) error {
				f.track(ctx, write("1")) // of another database, say
				u := f.begin()
				f.track(u.Start(ctx), update("1"), write("2"))
				require.NoError(t, tt.end(u))
				f.track(ctx, update("2"))
				return nil
			}))
			assert.Equal(t, tt.want, f.lines())
		})
	}
}

func TestUnitInUnit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	outer := f.begin()
	ctx := outer.Start(f.ctx)
	inner, err := unit.Begin(ctx, f.tracker, audit.Event{Action: "log.append"})
	require.NoError(t, err)
	f.track(inner.Start(ctx), update("1"))
	require.NoError(t, inner.Commit(), "a transaction of its own")
	require.NoError(t, outer.Rollback(nil))
	assert.Equal(t, []string{begins, "log.append begins", "article.publish 1 success", "log.append success", "unit.commit failure (rolled_back)"}, f.lines())
}

// TestRerunOfCommittedUnit keeps what a unit committed inside a run that is done again.
func TestRerunOfCommittedUnit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	outer := f.begin()
	for _, id := range []string{"1", "2"} {
		ctx := outer.Start(f.ctx)
		inner, err := unit.Begin(ctx, f.tracker, audit.Event{Action: "log.append"})
		require.NoError(t, err)
		f.track(inner.Start(ctx), write(id))
		require.NoError(t, inner.Commit())
		f.track(ctx, write("3"))
	}
	require.NoError(t, outer.Commit())
	const begun, ended = "log.append begins", "log.append success"
	assert.Equal(t, []string{
		begins, begun, ended, begun, ended,
		"article.update 1 success", "article.update 2 success", "article.update 3 success", "unit.commit success 2",
	}, f.lines())
}

// TestRetryWithTheSameID tracks one event in a transaction until it is committed.
func TestRetryWithTheSameID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := update("1")
	e.ID = audit.NewID()
	for _, end := range []func(*unit.Unit) error{
		func(u *unit.Unit) error { return u.Rollback(nil) },
		func(u *unit.Unit) error { return u.Unknown(nil) },
		(*unit.Unit).Commit,
	} {
		u := f.begin()
		f.track(u.Start(f.ctx), e)
		require.NoError(t, end(u))
	}
	var outcomes []audit.Outcome
	for _, r := range f.recorder.Records() {
		if r.ID == e.ID {
			outcomes = append(outcomes, r.Outcome)
		}
	}
	assert.Equal(t, []audit.Outcome{audit.OutcomeSuccess}, outcomes)
	assert.Len(t, f.recorder.Records(), 9)
}

func TestRun(t *testing.T) {
	t.Parallel()
	work := func(f *fixture, end func(*unit.Unit) error) func(*unit.Unit) error {
		return func(u *unit.Unit) error {
			f.track(u.Start(f.ctx), update("1"))
			return end(u)
		}
	}
	for name, tt := range map[string]struct {
		end  func(*unit.Unit) error
		err  error
		want []string
	}{
		"nil":     {func(*unit.Unit) error { return nil }, nil, []string{"article.publish 1 success", committed}},
		"error":   {func(*unit.Unit) error { return context.Canceled }, context.Canceled, []string{"article.publish 1 failure (rolled_back)", "unit.commit failure (rolled_back) context.Canceled"}},
		"unknown": {func(u *unit.Unit) error { return errors.Join(context.Canceled, u.Unknown(context.Canceled)) }, context.Canceled, []string{"article.publish 1 unknown (unknown)", "unit.commit unknown (unknown) context.Canceled"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			require.ErrorIs(t, unit.Run(f.ctx, f.tracker, audit.Event{}, work(f, tt.end)), tt.err)
			assert.Equal(t, append([]string{begins}, tt.want...), f.lines())
		})
	}
	f := newFixture(t)
	require.PanicsWithValue(t, "oh", func() {
		_ = unit.Run(f.ctx, f.tracker, audit.Event{}, work(f, func(*unit.Unit) error { panic("oh") }))
	})
	assert.Equal(t, []string{begins, "article.publish 1 failure (rolled_back)", "unit.commit failure (rolled_back) aborted"}, f.lines())
}
