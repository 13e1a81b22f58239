package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/require"
)

// foldDenials tracks denials of actors that no other process has, most of which are
// folded, and reports which were acknowledged.
func foldDenials(c *child) error {
	c.report(opening)
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(c.dir, ledger.WithSegmentSize(ledger.MinSegmentSize)),
		sdk.WithFolding(2, 10*time.Millisecond))
	if err != nil {
		return err
	}
	ctx := context.Background()
	life := time.Duration(rand.Int64N(int64(200 * time.Millisecond)))
	start := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for g := range cap(errs) {
		actor := fmt.Sprint(c.run, "-", g/2)
		wg.Go(func() {
			for n := 0; n < 20 || !finishing() && time.Since(start) < life; n++ {
				err := p.Tracker("crash").Track(ctx, audit.Event{Action: semconv.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: audit.User(actor)})
				if err != nil {
					errs <- err
					return
				}
				c.report("denied %s", actor)
			}
		})
	}
	wg.Wait()
	close(errs)
	c.report(closing)
	return errors.Join(<-errs, p.Shutdown(ctx))
}

// TestKilledFolds checks that every acknowledged denial is a record, or is counted, or that
// a record of its actor says that the number is unknown.
func TestKilledFolds(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "folds")
	acknowledged := map[string]int64{}
	onLine := func(words []string) { acknowledged[words[1]]++ }
	h.finish(t, onLine)
	var found folds
	for limit := time.Now().Add(time.Minute); len(found.unknown) == 0 && time.Now().Before(limit); { // a kill may meet no open fold
		for start := time.Now(); time.Since(start) < crashTime(t); {
			h.kill(t, onLine)
		}
		h.finish(t, onLine)
		found = foldsIn(t, h.dir)
	}
	for actor, n := range acknowledged {
		if !found.unknown[actor] {
			require.GreaterOrEqual(t, found.counted[actor], n, "denials of %s were acknowledged, and neither stored nor counted", actor)
		}
	}
	require.NotEmpty(t, found.unknown)
	require.Less(t, len(found.unknown), len(acknowledged), "some folds ended")
	t.Logf("%d runs, killed %s; %d actors, %d of them with an unknown number; %d folds", h.runs, h.killed(), len(acknowledged), len(found.unknown), found.ended)
}

// folds are how many denials of each actor are records or counted, and whose number is unknown.
type folds struct {
	counted map[string]int64
	unknown map[string]bool
	ended   int
}

// foldsIn reads the denials of a ledger. Each fold has one end.
func foldsIn(t *testing.T, dir string) folds {
	t.Helper()
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	found := folds{counted: map[string]int64{}, unknown: map[string]bool{}}
	actors, ends := map[audit.ID]string{}, map[audit.ID]*record.Record{}
	for r, err := range reader.Find(t.Context(), query.Filter{Actions: []string{semconv.ActionAccessDenied}}) {
		require.NoError(t, err)
		switch {
		case r.Attempt.IsZero():
			found.counted[r.Actor.ID]++
		case r.BeginsAttempt():
			actors[r.ID] = r.Actor.ID
		default:
			require.Nil(t, ends[r.Attempt], "fold %s has two ends", r.Attempt)
			ends[r.Attempt] = r
		}
	}
	require.Len(t, ends, len(actors))
	for id, actor := range actors {
		end := ends[id]
		require.NotNil(t, end, "fold %s has no end", id)
		if end.Actor.ID == sdk.RecoveryActor {
			require.Equal(t, []mark.Mark{{Path: "bulk.affected", Kind: mark.CountUnknown}}, end.Marks)
			found.unknown[actor] = true
			continue
		}
		require.Positive(t, end.Bulk.Affected)
		found.counted[actor] += end.Bulk.Affected
	}
	found.ended = len(ends)
	return found
}
