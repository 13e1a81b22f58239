package unit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/unit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// newLedger returns a fixture without a recorder, and a function that returns what is in the
// ledger.
func newLedger(t *testing.T) (f *fixture, stored func() []*record.Record) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(dir))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
	f = &fixture{t: t, tracker: p.Tracker("example.com/app"), ctx: audit.ContextWithActor(t.Context(), audit.User("42"))}
	return f, func() (records []*record.Record) {
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		for r, err := range reader.Find(t.Context(), query.Filter{}) {
			require.NoError(t, err)
			records = append(records, r)
		}
		return records
	}
}

// inOrder describes records in the order in which they were tracked.
func inOrder(records []*record.Record) (lines []string) {
	for _, r := range records {
		lines = append(lines, describe(r))
	}
	return lines
}

// TestSpill tests what a unit records for which it has no room.
func TestSpill(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end   func(*unit.Unit) error
		words string
	}{
		"committed":   {(*unit.Unit).Commit, "success"},
		"rolled back": {func(u *unit.Unit) error { return u.Rollback(nil) }, "failure (rolled_back)"},
		"unknown":     {func(u *unit.Unit) error { return u.Unknown(nil) }, "unknown (unknown)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, stored := newLedger(t)
			u := f.begin(unit.WithLimit(2))
			ctx := u.Start(f.ctx)
			for i := range 4 {
				e := update(fmt.Sprint(i))
				e.ID, e.Reason = audit.ID{7: byte(i + 1)}, "review"
				e.Changes = []audit.Change{{Field: "title", New: attribute.StringValue("x")}}
				e.Metadata = []attribute.KeyValue{attribute.String("app.page", "7")}
				f.track(ctx, e)
			}
			begun := stored()
			assert.ElementsMatch(t, []string{begins, "article.publish 2 begins", "article.publish 3 begins"}, inOrder(begun))
			require.NoError(t, tt.end(u))

			ends := map[string]*record.Record{}
			for _, r := range stored() {
				if !r.BeginsAttempt() && r.Target.ID != "" {
					ends[r.Target.ID] = r
				}
			}
			for i := range 4 {
				end := ends[fmt.Sprint(i)]
				require.NotNil(t, end)
				assert.Equal(t, fmt.Sprintf("article.publish %d %s", i, tt.words), describe(end))
				assert.Equal(t, name == "committed", end.ID == audit.ID{7: byte(i + 1)}, "the work may be tried again with this ID")
				assert.Equal(t, u.ID().String(), valueOf(end, semconv.UnitKey))
				assert.Equal(t, "review", end.Reason)
				whole := end
				for _, b := range begun {
					if b.ID == end.Attempt {
						whole = b
						assert.Equal(t, audit.OutcomeUnknown, b.Outcome)
						assert.Empty(t, end.Changes, "the beginning has them")
					}
				}
				assert.Equal(t, i >= 2, whole != end)
				assert.Equal(t, "title", whole.Changes[0].Field)
				assert.Equal(t, "7", valueOf(whole, "app.page"))
				assert.Equal(t, "42", end.Actor.ID)
			}
		})
	}
}

func TestSpillAndRerun(t *testing.T) {
	t.Parallel()
	f, stored := newLedger(t)
	u := f.begin(unit.WithLimit(1))
	f.track(u.Start(f.ctx), update("1"), update("2"))
	f.track(u.Start(f.ctx), update("3"))
	require.NoError(t, u.Commit())
	assert.ElementsMatch(t, []string{
		begins, "article.publish 2 begins", "article.publish 2 failure (rerun)", "article.publish 3 success", "unit.commit success 2",
	}, inOrder(stored()))
}

// TestEndOfAttemptIsHeld tests that the end of an attempt takes no slot, whatever the room.
func TestEndOfAttemptIsHeld(t *testing.T) {
	t.Parallel()
	f, stored := newLedger(t)
	u := f.begin(unit.WithLimit(0))
	ctx := u.Start(f.ctx)
	require.NoError(t, audit.Do(ctx, f.tracker, audit.Event{Action: "article.purge"}, func(context.Context) error { return nil }))
	require.Len(t, stored(), 2)
	require.NoError(t, u.Rollback(nil))
	assert.ElementsMatch(t, []string{
		begins, "article.purge begins", "article.purge failure (rolled_back)", "unit.commit failure (rolled_back)",
	}, inOrder(stored()))
}

// TestTooManyBegun tests that Track fails when the slots of an actor are used up.
func TestTooManyBegun(t *testing.T) {
	t.Parallel()
	f, _ := newLedger(t)
	u := f.begin(unit.WithLimit(0))
	ctx := u.Start(f.ctx)
	var err error
	n := 0
	for ; err == nil && n < 3000; n++ {
		err = f.tracker.Track(ctx, update("1"))
	}
	require.ErrorIs(t, err, sdk.ErrTooManyAttempts)
	assert.Equal(t, 2500, n)
	require.NoError(t, u.Rollback(err))
}

// failing is an exporter that fails while it is told to.
type failing struct{ fails atomic.Bool }

var errDown = errors.New("down")

func (*failing) Name() string { return "failing" }

func (e *failing) Export(context.Context, []*record.Record) error {
	if e.fails.Load() {
		return errDown
	}
	return nil
}

func (*failing) Shutdown(context.Context) error { return nil }

// TestCommitAgain tests that what was not stored can be stored by a second call.
func TestCommitAgain(t *testing.T) {
	t.Parallel()
	first := &failing{}
	r := audittest.NewRecorder(t, sdk.WithSyncer(first))
	f := &fixture{t: t, recorder: r, tracker: r.Tracker("example.com/app"), ctx: audit.ContextWithActor(t.Context(), audit.User("42"))}
	u := f.begin()
	f.track(u.Start(f.ctx), update("1"), write("2"))
	first.fails.Store(true)
	err := u.Commit()
	failed, ok := errors.AsType[*unit.RecordError](err)
	require.True(t, ok)
	assert.True(t, failed.Committed)
	require.ErrorIs(t, err, errDown)
	_, ok = errors.AsType[*audit.DeliveryError](err)
	assert.True(t, ok)
	assert.NotContains(t, f.lines(), committed, "the attempt stays open")
	require.ErrorIs(t, u.Rollback(nil), unit.ErrEnded)

	first.fails.Store(false)
	require.NoError(t, u.Commit())
	require.NoError(t, u.Commit())
	ids := map[audit.ID]string{}
	for _, r := range f.recorder.Records() {
		ids[r.ID] = describe(r)
	}
	assert.Len(t, ids, 4)
	assert.Equal(t, committed, f.lines()[len(f.lines())-1])
}

// TestHeldIsRedacted tests that nothing waits in memory that a record would not have, and
// that the record of a rollback fits.
func TestHeldIsRedacted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	u := f.begin()
	e := update("1")
	e.Reason = "\x00" + string(make([]byte, 100_000))
	e.Metadata = []attribute.KeyValue{attribute.String("password", "hunter2"), attribute.String("zone", "eu")}
	f.track(u.Start(f.ctx), e)
	require.NoError(t, u.Rollback(nil))
	r := f.recorder.RequireRecord(t, audittest.Action("article.publish"))
	text, err := r.AppendJSON(nil)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(text), record.MaxSize)
	assert.NotContains(t, string(text), "hunter2")
	assert.NotContains(t, string(text), `\\\\x00`, "escaped once")
	assert.Equal(t, "the transaction was rolled back", r.Failure)
}
