package crash

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query/gaps"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/require"
)

// countEvents is a role that records counts once, tracks more, and waits for its end. When it
// finishes, it shuts down instead.
func countEvents(c *child) error {
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(c.dir), sdk.WithGapRecords(time.Hour))
	if err != nil {
		return err
	}
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	track := func() error { return p.Tracker("crash").Track(ctx, audit.Event{Action: "article.create"}) }
	if err := errors.Join(track(), p.ForceFlush(ctx)); err != nil {
		return err
	}
	if err := track(); err != nil {
		return err
	}
	if finishing() {
		return p.Shutdown(ctx)
	}
	c.report("reached")
	select {} // until it is killed
}

// TestKilledEpoch checks that a kill is a gap of unknown size, and a shutdown is none.
func TestKilledEpoch(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "epoch")
	h.finish(t, func([]string) {})
	h.killReached(t)
	h.finish(t, func([]string) {})

	reader, err := ledgerquery.NewReader(h.dir)
	require.NoError(t, err)
	report, err := gaps.Read(t.Context(), reader, time.Time{}, time.Time{})
	require.NoError(t, err)
	require.Equal(t, gaps.Unknown, report.Verdict())
	require.Len(t, report.Epochs, 3)
	first, killed, last := report.Epochs[0], report.Epochs[1], report.Epochs[2]
	require.True(t, first.Closed && !killed.Closed && last.Closed)
	require.Equal(t, []int64{2, 1, 2}, []int64{first.Counts.Recorded, killed.Counts.Recorded, last.Counts.Recorded})
	require.Equal(t, []gaps.Span{{From: killed.Last, To: last.Opened, Epoch: killed.ID, Reason: report.Unknown[0].Reason}}, report.Unknown)
	require.Contains(t, report.Unknown[0].Reason, "killed")

	report, err = gaps.Read(t.Context(), reader, first.Opened, first.Last)
	require.NoError(t, err)
	require.Equal(t, gaps.Complete, report.Verdict(), "before the kill")
}
