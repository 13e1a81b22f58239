package retention_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func tenant(name string) query.Filter { return query.Filter{Tenants: []string{name}} }

func TestHolds(t *testing.T) {
	t.Parallel()
	store, recorder := newStore(t), audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	ctx := audit.ContextWithActor(t.Context(), audit.User("counsel"))
	hold := retention.Hold{Name: "case-17", Filter: tenant("acme"), Reason: "lawsuit 17"}

	require.NoError(t, retention.Place(ctx, store, tracker, hold))
	all, err := retention.Holds(ctx, store)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, hold.Filter, all[0].Filter)
	assert.Equal(t, hold.Reason, all[0].Reason)
	assert.False(t, all[0].Placed.IsZero())
	assert.True(t, all[0].Lifted.IsZero())

	// Placing it again records the same event.
	require.NoError(t, retention.Place(ctx, store, tracker, hold))
	records := recorder.Records()
	require.Len(t, records, 2)
	assert.True(t, records[0].IsRetryOf(records[1]))
	assert.Equal(t, "audit.hold.place", records[0].Action)
	assert.Equal(t, audit.Target{Type: "audit.hold", ID: "case-17"}, records[0].Target)
	assert.Equal(t, "lawsuit 17", records[0].Reason)
	assert.Equal(t, `{"tenants":["acme"]}`, records[0].Metadata[0].Value.AsString())
	other := hold
	other.Filter = tenant("globex")
	require.ErrorIs(t, retention.Place(ctx, store, tracker, other), retention.ErrHeld)

	require.ErrorIs(t, retention.Lift(ctx, store, tracker, "case-18", "over"), fs.ErrNotExist)
	require.ErrorContains(t, retention.Lift(ctx, store, tracker, "case-17", " "), "needs a reason")
	recorder.Reset()
	require.NoError(t, retention.Lift(ctx, store, tracker, "case-17", "over"))
	require.Len(t, recorder.Records(), 2)
	assert.Equal(t, audit.OutcomeSuccess, recorder.Records()[1].Outcome)
	require.ErrorIs(t, retention.Lift(ctx, store, tracker, "case-17", "over"), retention.ErrLifted)
	require.ErrorIs(t, retention.Place(ctx, store, tracker, hold), retention.ErrLifted)
	all, err = retention.Holds(ctx, store)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "over", all[0].LiftReason)
	assert.False(t, all[0].Lifted.IsZero())
}

func TestHoldErrors(t *testing.T) {
	t.Parallel()
	store, tracker := newStore(t), audittest.NewRecorder(t).Tracker("test")
	for _, h := range []retention.Hold{
		{Name: "", Reason: "r"},
		{Name: "a/b", Reason: "r"},
		{Name: "a", Reason: "\n"},
		{Name: "a", Reason: "r", Filter: query.Filter{Limit: 1}},
		{Name: "a", Reason: "r", Filter: query.Filter{Tenants: []string{"a"}, Ascending: true}},
		{Name: "a", Reason: "r", Filter: query.Filter{Actions: []string{"!"}}},
	} {
		require.Error(t, retention.Place(t.Context(), store, tracker, h))
	}
	all, err := retention.Holds(t.Context(), store)
	require.NoError(t, err)
	assert.Empty(t, all)
}

// TestHoldWithoutActor: a hold that cannot be recorded is in force, and one whose end cannot
// be recorded stays so.
func TestHoldWithoutActor(t *testing.T) {
	t.Parallel()
	store, tracker := newStore(t), audittest.NewRecorder(t).Tracker("test")
	require.Error(t, retention.Place(t.Context(), store, tracker, retention.Hold{Name: "a", Reason: "r"}))
	require.Error(t, retention.Lift(t.Context(), store, tracker, "a", "over"))
	all, err := retention.Holds(t.Context(), store)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.True(t, all[0].Lifted.IsZero())
}

// TestUnreadableHold: nothing is removed while a hold cannot be read.
func TestUnreadableHold(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"holds/a/placed.json": `{"filter":{"unknown":1}}`,
		"holds/b/placed.json": `{"filter":{},"members":1}`,
		"holds/c/placed.json": `{`,
		"holds/d/lifted.json": `{"reason":"r","time":"2026-01-01T00:00:00Z"}`,
		"holds/e/other.json":  `{}`,
	} {
		w := newWorld(t, many(1, 30, rec{action: "user.login"})...)
		b := []byte(content)
		require.NoError(t, w.store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b))))
		_, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(newPolicy(t, logins), 1000))
		require.ErrorContains(t, err, name[:len("holds/a/")])
		assert.Len(t, w.kept(t), 30)
	}
}

// TestHoldKeeps: a hold keeps a segment, and the archive to which a record may leave.
func TestHoldKeeps(t *testing.T) {
	t.Parallel()
	records := many(1, 5, rec{action: "payout.send", tenant: "acme"})
	records = append(records, many(6, 25, rec{action: "user.login", tenant: "globex"})...)
	w := newWorld(t, records...)
	p := newPolicy(t, logins, payouts)
	tracker := w.recorder.Tracker("test")
	require.NoError(t, retention.Place(w.ctx, w.store, tracker, retention.Hold{Name: "a", Filter: tenant("acme"), Reason: "r"}))
	require.NoError(t, retention.Place(w.ctx, w.store, tracker, retention.Hold{Name: "g", Filter: tenant("globex"), Reason: "r"}))

	plan, err := retention.PlanLedger(w.ctx, w.reader, w.at(p, 4000))
	require.NoError(t, err)
	require.Len(t, plan.Holds, 2)
	assert.Equal(t, []string{"g"}, plan.Segments[0].Holds, "held payouts may leave for an archive, which is held then")
	assert.EqualValues(t, 5, plan.Segments[0].Classes[1].Held)
	report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 4000))
	require.NoError(t, err)
	assert.Empty(t, report.Removed)
	assert.Empty(t, report.Archives)

	require.NoError(t, retention.Lift(w.ctx, w.store, tracker, "g", "over"))
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 4000))
	require.NoError(t, err)
	assert.NotEmpty(t, report.Removed)
	assert.Len(t, w.archived(t), 5)
	plan, err = retention.PlanLedger(w.ctx, w.reader, w.at(p, 4000))
	require.NoError(t, err)
	require.Len(t, plan.Archives, 1)
	assert.Equal(t, "a", plan.Archives[0].Held)
	assert.False(t, plan.Archives[0].Remove)

	require.NoError(t, retention.Lift(w.ctx, w.store, tracker, "a", "over"))
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 4000))
	require.NoError(t, err)
	assert.Len(t, report.Expired, 1)
	assert.Empty(t, w.archived(t))
}

// TestNothingWithoutRecord: what cannot be recorded is not done.
func TestNothingWithoutRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 30, rec{action: "user.login"})...)
	_, err := retention.ApplyLedger(t.Context(), w.reader, w.ledger.RemoveBefore, w.at(newPolicy(t, logins), 1000))
	require.ErrorIs(t, err, audit.ErrNoActor)
	options := w.at(newPolicy(t, logins), 1000)
	options.Tracker = nil
	_, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, options)
	require.ErrorContains(t, err, "nothing is removed without a record of it")
	assert.Len(t, w.kept(t), 30)
}

// TestHoldPlacedMeanwhile: a hold that is placed while an apply works counts.
func TestHoldPlacedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 40, rec{action: "user.login", tenant: "acme"})...)
	calls := 0
	remove := func(seq uint64) (uint64, error) {
		if calls++; calls == 2 {
			hold := retention.Hold{Name: "a", Filter: tenant("acme"), Reason: "r"}
			if err := retention.Place(w.ctx, w.store, w.recorder.Tracker("test"), hold); err != nil {
				return 0, err
			}
		}
		return w.ledger.RemoveBefore(seq)
	}
	report, err := retention.ApplyLedger(w.ctx, w.reader, remove, w.at(newPolicy(t, logins), 1000))
	require.NoError(t, err)
	assert.Len(t, report.Removed, 1, "its removal had begun")
	assert.Equal(t, []string{"a"}, report.Stays.Holds)
}

// errUnlessZero returns the error, but not when an apply asks whether segments can be removed.
func errUnlessZero(seq uint64, err error) error {
	if seq == 0 {
		return nil
	}
	return err
}

// TestImpossibleRemoval: nothing is begun if the ledger cannot remove segments.
func TestImpossibleRemoval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 30, rec{action: "payout.send"})...)
	_, err := retention.ApplyLedger(w.ctx, w.reader, func(uint64) (uint64, error) { return 0, ledger.ErrOwnRetention }, w.at(newPolicy(t, payouts), 1000))
	require.ErrorIs(t, err, ledger.ErrOwnRetention)
	assert.Empty(t, w.archived(t))
	assert.Empty(t, w.events())
}

// TestFailedRemoval: an attempt that fails is recorded as one.
func TestFailedRemoval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 30, rec{action: "user.login"})...)
	errDisk := errors.New("disk")
	for _, tt := range []struct {
		remove retention.RemoveFunc
		want   error
	}{
		{func(seq uint64) (uint64, error) { return 0, errUnlessZero(seq, errDisk) }, errDisk},
		{func(uint64) (uint64, error) { return 1, nil }, retention.ErrNotRemoved},
	} {
		w.recorder.Reset()
		report, err := retention.ApplyLedger(w.ctx, w.reader, tt.remove, w.at(newPolicy(t, logins), 1000))
		require.ErrorIs(t, err, tt.want)
		assert.Empty(t, report.Removed)
		assert.Equal(t, map[string]int{"audit.trail.remove unknown": 1, "audit.trail.remove failure": 1}, w.events())
	}
}
