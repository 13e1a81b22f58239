package retention_test

import (
	"testing"
	"time"

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
