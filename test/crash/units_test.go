package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/unit"
	"github.com/stretchr/testify/require"
)

// The points at which a process with a unit of work is killed: the rows of the table in
// docs/transactions.md.
const (
	unitOpened   = "opened"   // before the beginning is stored
	unitBegun    = "begun"    // before COMMIT is sent
	unitDone     = "done"     // after COMMIT, before the records are stored
	unitRecorded = "recorded" // before the end is stored
	unitEnded    = "ended"    // after the end is stored
	unitSpilled  = "spilled"  // with more records than the limit, before COMMIT is sent
)

// unitRole returns a role that does a unit of work until it reaches a point, and waits there.
func unitRole(point string) func(*child) error {
	return func(c *child) error {
		stop := func(at string) {
			if at == point && !finishing() {
				c.report("reached")
				select {} // until it is killed
			}
		}
		p, err := sdk.NewTrackerProvider(sdk.WithLedger(c.dir), sdk.WithSyncer(recordedHook{func() { stop(unitRecorded) }}))
		if err != nil {
			return err
		}
		ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
		if finishing() {
			return p.Shutdown(ctx)
		}
		stop(unitOpened)
		var opts []unit.Option
		if point == unitSpilled {
			opts = append(opts, unit.WithLimit(1))
		}
		tracker := p.Tracker("crash")
		err = unit.Run(ctx, tracker, audit.Event{}, func(u *unit.Unit) error {
			ctx := u.Start(ctx)
			for i := range 3 {
				err := tracker.Track(ctx, audit.Event{
					Action: "article.create", Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "article", ID: fmt.Sprint(i)},
				})
				if err != nil {
					return err
				}
			}
			stop(unitBegun)
			stop(unitSpilled)
			if err := os.WriteFile(c.dir+".data", nil, 0o600); err != nil { // COMMIT
				return err
			}
			stop(unitDone)
			return nil
		}, opts...)
		stop(unitEnded)
		return errors.Join(err, errors.New("no point was reached"))
	}
}

// recordedHook is an exporter behind the ledger. It calls reached for the last record of the
// work.
type recordedHook struct{ reached func() }

func (recordedHook) Name() string { return "hook" }

func (h recordedHook) Export(_ context.Context, records []*record.Record) error {
	if records[len(records)-1].Action == "article.create" {
		h.reached()
	}
	return nil
}

func (recordedHook) Shutdown(context.Context) error { return nil }

// TestKilledUnits checks what a process leaves that is killed at each point.
func TestKilledUnits(t *testing.T) {
	t.Parallel()
	const unknown = "unit.commit begins, unit.commit unknown by " + sdk.RecoveryActor
	const work = "article.create 0 success, article.create 1 success, article.create 2 success"
	for point, want := range map[string]struct {
		changed bool
		trail   string
	}{
		unitOpened:   {false, ""},
		unitBegun:    {false, unknown},
		unitDone:     {true, unknown},
		unitRecorded: {true, "unit.commit begins, " + work + ", unit.commit unknown by " + sdk.RecoveryActor},
		unitEnded:    {true, "unit.commit begins, " + work + ", unit.commit success"},
		unitSpilled: {false, "unit.commit begins, article.create 1 begins, article.create 2 begins, " +
			"article.create 1 unknown by " + sdk.RecoveryActor + ", article.create 2 unknown by " + sdk.RecoveryActor + ", unit.commit unknown by " + sdk.RecoveryActor},
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, "unit."+point)
			h.killReached(t)
			h.finish(t, func([]string) {})
			_, err := os.Stat(h.dir + ".data")
			require.Equal(t, want.changed, err == nil)
			trail := unitTrail(t, h.dir)
			require.Equal(t, want.trail, strings.Join(trail, ", "))
			h.finish(t, func([]string) {})
			require.Equal(t, trail, unitTrail(t, h.dir), "nothing is closed twice")
		})
	}
}

// unitTrail describes the records in a ledger: beginnings, the work, what the next start
// closed, and the unit's end.
func unitTrail(t *testing.T, dir string) []string {
	t.Helper()
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	var begun, own, closed, end []string
	for r, err := range reader.Find(t.Context(), query.Filter{}) {
		require.NoError(t, err)
		line := r.Action
		if r.Target.ID != "" {
			line += " " + r.Target.ID
		}
		switch {
		case r.BeginsAttempt():
			begun = append(begun, line+" begins")
		case r.Actor.ID == sdk.RecoveryActor:
			closed = append(closed, line+" unknown by "+sdk.RecoveryActor)
			require.Equal(t, audit.OutcomeUnknown, r.Outcome)
		case r.Action == semconv.ActionUnitCommit:
			end = append(end, line+" "+r.Outcome.String())
		default:
			own = append(own, line+" "+r.Outcome.String())
		}
	}
	slices.Reverse(begun) // the reader has the newest first
	slices.Reverse(own)
	slices.Sort(closed)
	return slices.Concat(begun, own, closed, end)
}
