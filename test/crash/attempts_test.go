package crash

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// makeAttempts begins attempts, finishes most of them, and reports what was acknowledged.
func makeAttempts(c *child) error {
	c.report(opening)
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(c.dir, ledger.WithSegmentSize(ledger.MinSegmentSize)))
	if err != nil {
		return err
	}
	ctx := audit.ContextWithActor(context.Background(), audit.System("crash"))
	life := time.Duration(rand.Int64N(int64(200 * time.Millisecond)))
	start := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		wg.Go(func() {
			for n := 0; n < 10 || !finishing() && time.Since(start) < life; n++ {
				if err := attempt(ctx, c, p.Tracker("crash")); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	c.report(closing)
	return errors.Join(<-errs, p.Shutdown(ctx))
}

func attempt(ctx context.Context, c *child, t audit.Tracker) error {
	a, err := audit.Begin(ctx, t, audit.Event{Action: "payout.send"})
	if err != nil {
		return err
	}
	c.report("begun %s", a.ID())
	for range rand.IntN(40) { // records that the next start must skip
		if err := t.Track(ctx, audit.Event{Action: "process.live", Outcome: audit.OutcomeSuccess}); err != nil {
			return err
		}
	}
	if !finishing() && rand.IntN(10) == 0 {
		return nil // leave the attempt open
	}
	if err := a.Finish(ctx, audit.Event{Outcome: audit.OutcomeSuccess}); err != nil {
		return err
	}
	c.report("finished %s", a.ID())
	return nil
}

// TestKilledAttempts checks that every attempt has exactly one end: its own, or the record with
// which the next process closed it.
func TestKilledAttempts(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "attempts")
	begun, finished := map[string]bool{}, map[string]bool{}
	onLine := func(words []string) {
		if words[0] == "begun" {
			begun[words[1]] = true
		} else {
			finished[words[1]] = true
		}
	}
	h.finish(t, onLine)
	for start := time.Now(); time.Since(start) < crashTime(t); {
		h.kill(t, onLine)
	}
	h.finish(t, onLine)

	reader, err := ledgerquery.NewReader(h.dir)
	require.NoError(t, err)
	beginnings, ends, closings := map[string]bool{}, map[string]int{}, map[string]int{}
	for r, err := range reader.Find(t.Context(), query.Filter{Actions: []string{"payout.send"}}) {
		require.NoError(t, err)
		switch id := r.Attempt.String(); {
		case r.ID == r.Attempt:
			beginnings[id] = true
		case r.Actor.ID == sdk.RecoveryActor:
			require.Equal(t, audit.OutcomeUnknown, r.Outcome)
			closings[id]++
		default:
			ends[id]++
		}
	}
	for id := range begun {
		require.True(t, beginnings[id], "%s was acknowledged but is not in the ledger", id)
	}
	for id := range finished {
		require.Equal(t, 1, ends[id], "%s was finished", id)
	}
	for id := range beginnings {
		require.Equal(t, 1, ends[id]+closings[id], "%s has %d ends and %d closing records", id, ends[id], closings[id])
	}
	require.Len(t, beginnings, len(ends)+len(closings))
	require.NotEmpty(t, closings)
	require.Equal(t, countAttempts(t, h.dir), len(beginnings)+len(ends)+len(closings), "no ID is stored twice")
	t.Logf("%d runs, killed %s; %d attempts, %d of them acknowledged, %d finished, %d closed at the next start",
		h.runs, h.killed(), len(beginnings), len(begun), len(ends), len(closings))
}

// countAttempts returns the number of records in a ledger that belong to attempts.
func countAttempts(t *testing.T, dir string) (n int) {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		var record record.Record
		require.NoError(t, record.UnmarshalJSON(e.Data))
		if !record.Attempt.IsZero() {
			n++
		}
	}
	return n
}
