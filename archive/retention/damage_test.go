package retention_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/query"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newDamagedWorld returns a ledger whose first segment has payouts and logins, one of which
// cannot be read.
func newDamagedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, slices.Concat(many(1, 2, rec{action: "payout.send"}), many(3, 28, rec{action: "user.login"}))...)
	f, err := os.OpenFile(filepath.Join(w.dir, "000000000001.segment"), os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("damage"), 20_000)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return w
}

// TestDamage: a segment with entries that cannot be read stays, and the plan says which they are.
func TestDamage(t *testing.T) {
	t.Parallel()
	w := newDamagedWorld(t)
	report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, w.at(newPolicy(t, logins, payouts), 200))
	require.NoError(t, err)
	assert.Empty(t, report.Removed)
	assert.EqualValues(t, 1, report.Stays.First)
	assert.EqualValues(t, 1, report.Stays.Damaged)
	require.Len(t, report.Stays.Gaps, 1)
	gap := report.Stays.Gaps[0]
	assert.Equal(t, gap.First, gap.Last)
	assert.NotEmpty(t, gap.Reason)
	saved := int64(0)
	for _, c := range report.Stays.Classes {
		saved += c.Records
	}
	assert.Equal(t, int64(report.Stays.Last)-1, saved, "the others can be read")
}

// TestDropDamaged: somebody gives up what cannot be read. The rest is archived first, and the
// archive, the report and the event say what is missing.
func TestDropDamaged(t *testing.T) {
	t.Parallel()
	w := newDamagedWorld(t)
	o := w.at(newPolicy(t, logins, payouts), 200)
	o.DropDamaged = map[uint64]int64{1: 1}
	_, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.ErrorContains(t, err, "Options.Reason is empty")
	o.Reason = "the disk is gone"

	o.DropDamaged[1] = 2
	_, err = retention.PlanLedger(w.ctx, w.reader, o)
	require.ErrorContains(t, err, "1 entries of segment 1 cannot be read, not 2; look at a plan again")
	o.DropDamaged[1] = 1

	hold := retention.Hold{Name: "case", Reason: "r", Filter: query.Filter{Tenants: []string{"another"}}}
	require.NoError(t, retention.Place(w.ctx, w.store, o.Tracker, hold))
	report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	assert.Empty(t, report.Removed, "the hold may match what cannot be read")
	assert.Equal(t, []string{"case"}, report.Stays.Holds)
	require.NoError(t, retention.Lift(w.ctx, w.store, o.Tracker, "case", "over"))

	plan, err := retention.PlanLedger(w.ctx, w.reader, o)
	require.NoError(t, err)
	assert.True(t, plan.Segments[0].Dropped)
	assert.True(t, plan.Segments[0].Remove)
	w.recorder.Reset()
	report, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	require.NotEmpty(t, report.Removed)
	assert.Equal(t, plan.Segments[0], report.Removed[0])
	assert.Len(t, w.archived(t), 2, "the payouts")
	gap := report.Removed[0].Gaps[0]
	require.Len(t, report.Archives, 1)
	a, err := archive.Open(w.ctx, w.store, report.Archives[0])
	require.NoError(t, err)
	assert.Equal(t, []archive.Range{gap.Range}, a.Manifest().Missing)
	found := 0
	for _, r := range w.recorder.Records() {
		for _, kv := range r.Metadata {
			switch kv.Key {
			case "audit.retention.damaged":
				assert.EqualValues(t, 1, kv.Value.AsInt64())
				assert.Equal(t, "the disk is gone", r.Reason)
			case "audit.retention.gaps":
				found++
				assert.Len(t, kv.Value.AsStringSlice(), 1)
			}
		}
	}
	assert.Equal(t, 2, found, "the attempt, and its result")
}

// TestDropDamagedKeepsTheRest: a decision about what cannot be read is none about the others.
func TestDropDamagedKeepsTheRest(t *testing.T) {
	t.Parallel()
	w := newDamagedWorld(t)
	o := w.at(newPolicy(t, logins, payouts), 100) // the payouts must stay
	o.DropDamaged, o.Reason = map[uint64]int64{1: 1}, "the disk is gone"
	report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	assert.Empty(t, report.Removed)
	assert.False(t, report.Stays.Until.IsZero())
}
