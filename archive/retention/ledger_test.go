package retention_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	logins  = retention.Rule{Name: "logins", Actions: []string{"user.*"}, Keep: 90 * retention.Day}
	payouts = retention.Rule{Name: "payouts", Targets: []string{"payout"}, Keep: 3650 * retention.Day, ArchiveAfter: 180 * retention.Day}
)

// TestApplyLedger: logins are kept for 90 days, and payouts leave for an archive after 180.
func TestApplyLedger(t *testing.T) {
	t.Parallel()
	records := many(1, 14, rec{action: "user.login"})
	records = append(records, many(15, 6, rec{action: "payout.send"})...)
	records = append(records, many(21, 20, rec{action: "user.login", day: 100})...)
	w := newWorld(t, records...)
	p := newPolicy(t, logins, payouts)

	// After 80 days everything stays.
	report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 80))
	require.NoError(t, err)
	assert.Empty(t, report.Removed)
	assert.Empty(t, w.events())

	// After 91 days the first segment can go. The second one has payouts.
	plan, err := retention.PlanLedger(w.ctx, w.reader, w.at(p, 91))
	require.NoError(t, err)
	require.Greater(t, len(plan.Segments), 3)
	assert.True(t, plan.Segments[0].Remove)
	second := plan.Segments[1]
	assert.False(t, second.Remove)
	require.Len(t, second.Classes, 2)
	assert.Equal(t, "logins", second.Classes[0].Rule)
	assert.Positive(t, second.Classes[0].Remove, "kept beyond their class")
	assert.Equal(t, second.Classes[1].Records, second.Classes[1].Keep)
	assert.WithinDuration(t, epoch.AddDate(0, 0, 180), second.Until, time.Minute)
	assert.True(t, plan.Segments[2].Earlier)
	assert.Len(t, w.kept(t), 40, "a plan changes nothing")

	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 91))
	require.NoError(t, err)
	require.Len(t, report.Removed, 1)
	assert.Equal(t, plan.Segments[0], report.Removed[0])
	assert.Equal(t, second.First, report.Stays.First)
	assert.Empty(t, w.archived(t))
	assert.Equal(t, map[string]int{"audit.trail.remove unknown": 1, "audit.trail.remove success": 1}, w.events())
	assert.Equal(t, second.First, w.ledger.Stats().First)

	// After 200 days all but the newest segment go, and an archive has the payouts.
	w.recorder.Reset()
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 200))
	require.NoError(t, err)
	assert.NotEmpty(t, report.Archives)
	assert.True(t, report.Stays.Open)
	found := w.archived(t)
	assert.Len(t, found, 6)
	for id := 15; id <= 20; id++ {
		assert.Equal(t, "payouts", found[newRecord(id, rec{}).ID])
	}
	assert.Equal(t, len(report.Archives), w.events()["audit.trail.archive success"])
	assert.Equal(t, len(report.Removed), w.events()["audit.trail.remove success"])

	// Archives are removed when nobody must keep them any more.
	w.recorder.Reset()
	plan, err = retention.PlanLedger(w.ctx, w.reader, w.at(p, 3651))
	require.NoError(t, err)
	assert.Len(t, plan.Archives, len(report.Archives))
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 3651))
	require.NoError(t, err)
	assert.Equal(t, plan.Archives, report.Expired)
	assert.Empty(t, w.archived(t))
	assert.Equal(t, len(report.Expired), w.events()["audit.trail.remove success"])
}

// TestUntil: what shares a segment, or follows one that stays, is kept as long.
func TestUntil(t *testing.T) {
	t.Parallel()
	records := slices.Concat(many(1, 1, rec{action: "payout.send"}), many(2, 25, rec{action: "user.login"}), many(27, 15, rec{action: "doc.view"}))
	w := newWorld(t, records...)
	plan, err := retention.PlanLedger(w.ctx, w.reader, w.at(newPolicy(t, logins, payouts), 100))
	require.NoError(t, err)
	until := epoch.AddDate(0, 0, 180)
	require.Greater(t, len(plan.Segments), 3)
	for i, s := range plan.Segments {
		assert.False(t, s.Remove)
		assert.Equal(t, i > 0, s.Earlier)
		if s.Forever {
			assert.Zero(t, s.Until)
		} else {
			assert.WithinDuration(t, until, s.Until, time.Minute)
		}
	}
	assert.False(t, plan.Segments[1].Forever)
	last := plan.Segments[len(plan.Segments)-1]
	assert.True(t, last.Forever)
	assert.True(t, last.Open)
	assert.Empty(t, last.Classes[0].Rule)
}

// TestGarbage: an entry that holds no record is archived without a class, and kept.
func TestGarbage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 3, rec{action: "user.login"})...)
	_, err := w.ledger.Append(t.Context(), []byte("no record"))
	require.NoError(t, err)
	w.add(t, many(4, 25, rec{action: "user.login"})...)
	for range 2 {
		_, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(newPolicy(t, logins), 5000))
		require.NoError(t, err)
	}
	var names []string
	for o, err := range w.store.List(t.Context(), "") {
		require.NoError(t, err)
		names = append(names, o.Name)
	}
	require.Len(t, names, 1)
	assert.Contains(t, names[0], "/_/000000000001-")
	a, err := archive.Open(t.Context(), w.store, names[0])
	require.NoError(t, err)
	for e, err := range a.Entries(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, archive.Entry{Seq: 4, Data: []byte("no record")}, e)
	}
}

// TestWaiting: a segment stays until every exporter has it.
func TestWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 30, rec{action: "user.login"})...)
	c, err := w.ledger.Cursor("mongodb")
	require.NoError(t, err)
	o := w.at(newPolicy(t, logins), 5000)
	report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	assert.Empty(t, report.Removed)
	assert.Equal(t, []string{"mongodb"}, report.Stays.Waiting)
	require.NoError(t, c.Commit(report.Stays.Last))
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	assert.Len(t, report.Removed, 1)
}

// TestInterrupted: an archive that an apply has left is used again, also if fewer records need it
// now, and a damaged one is not.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	records := slices.Concat(many(1, 4, rec{action: "payout.send"}), many(5, 4, rec{action: "payout.send", day: 5}), many(9, 20, rec{action: "user.login"}))
	w := newWorld(t, records...)
	p := newPolicy(t, logins, payouts)
	errKilled := errors.New("killed")
	report, err := retention.ApplyLedger(w.ctx, w.reader, func(seq uint64) (uint64, error) { return 0, errUnlessZero(seq, errKilled) }, w.at(p, 200))
	require.ErrorIs(t, err, errKilled)
	require.Len(t, report.Archives, 1)
	first := report.Archives[0]

	// Four payouts need not be kept any more.
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(p, 3652))
	require.NoError(t, err)
	assert.Equal(t, first, report.Archives[0])
	assert.Len(t, w.archived(t), 8)

	// One that is damaged has its name; it is not trusted.
	w2 := newWorld(t, records...)
	_, err = retention.ApplyLedger(w2.ctx, w2.reader, func(seq uint64) (uint64, error) { return 0, errUnlessZero(seq, errKilled) }, w2.at(p, 200))
	require.ErrorIs(t, err, errKilled)
	for o, err := range w2.store.List(t.Context(), "") {
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(w2.store.Path(), o.Name), []byte("damage"), 0o600))
	}
	_, err = retention.ApplyLedger(w2.ctx, w2.reader, w2.ledger.RemoveBefore, w2.at(p, 200))
	var corrupt *archive.CorruptError
	require.ErrorAs(t, err, &corrupt)
	assert.Len(t, w2.kept(t), 28, "nothing is removed without an archive")
}

// TestAllLogs: archives of other logs are removed if the options say so.
func TestAllLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 1, rec{action: "doc.view"})...)
	r := newRecord(1, rec{action: "payout.send"})
	data, err := r.AppendJSON(nil)
	require.NoError(t, err)
	for _, class := range []string{"payouts", "forgotten"} {
		_, err = archive.Create(t.Context(), w.store, archive.Meta{Log: "gone", Class: class, First: 1, Last: 1},
			func(yield func(archive.Entry, error) bool) { yield(archive.Entry{Seq: 1, Data: data}, nil) })
		require.NoError(t, err)
	}
	o := w.at(newPolicy(t, logins, payouts), 5000)
	report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	assert.Empty(t, report.Expired)
	o.AllLogs = true
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	require.Len(t, report.Expired, 1)
	assert.Equal(t, "payouts", report.Expired[0].Rule, "a class without a rule is kept")
}
