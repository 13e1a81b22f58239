package retention_test

import (
	"testing"

	"github.com/opendeed/audit/archive/retention"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProgress: a plan says how much of the ledger it has examined, and so does an apply, which
// examines no more than it removes.
func TestProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, many(1, 450, rec{action: "user.login"})...)
	var records []int64
	var parts []float64
	o := w.at(newPolicy(t, logins), 91)
	o.Progress = func(n int64, part float64) { records, parts = append(records, n), append(parts, part) }
	_, err := retention.PlanLedger(w.ctx, w.reader, o)
	require.NoError(t, err)
	assert.Equal(t, []int64{100, 200, 300, 400}, records)
	assert.InDeltaSlice(t, []float64{0.22, 0.44, 0.66, 0.88}, parts, 0.01)

	records, parts = nil, nil
	_, err = retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, o)
	require.NoError(t, err)
	assert.Equal(t, []int64{100, 200, 300, 400}, records)
	assert.IsIncreasing(t, parts)
}
