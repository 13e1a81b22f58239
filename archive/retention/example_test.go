package retention_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
)

func ExamplePolicy_Rule() {
	policy, err := retention.NewPolicy(
		retention.Rule{Name: "logins", Actions: []string{"user.login", "user.logout"}, Keep: 90 * retention.Day},
		retention.Rule{Name: "payouts", Actions: []string{"payout.*"}, Keep: 10 * retention.Year, ArchiveAfter: 180 * retention.Day},
		retention.Rule{Name: "rest", Keep: 2 * retention.Year},
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, action := range []string{"payout.send", "user.login", "user.block"} {
		rule, _ := policy.Rule(&record.Record{Event: audit.Event{Action: action}})
		fmt.Println(action, rule.Name)
	}
	// Output:
	// payout.send payouts
	// user.login logins
	// user.block rest
}

// A service applies a policy to the ledger that it writes. A hold keeps what a lawsuit needs.
func ExampleApplyLedger() {
	dir, err := os.MkdirTemp("", "retention")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(dir, "ledger"), ledger.WithSegmentSize(ledger.MinSegmentSize)))
	if err != nil {
		log.Fatal(err)
	}
	tracker := provider.Tracker("example")
	ctx := audit.ContextWithActor(context.Background(), audit.System("retention"))
	for range 40 {
		if err := tracker.Track(ctx, audit.Event{Action: "user.login", Outcome: audit.OutcomeSuccess, Tenant: "acme"}); err != nil {
			log.Fatal(err)
		}
	}

	store, err := archive.CreateDir(filepath.Join(dir, "archives"))
	if err != nil {
		log.Fatal(err)
	}
	reader, err := ledger.OpenReader(filepath.Join(dir, "ledger"))
	if err != nil {
		log.Fatal(err)
	}
	policy, err := retention.NewPolicy(retention.Rule{Name: "logins", Actions: []string{"user.*"}, Keep: 90 * retention.Day})
	if err != nil {
		log.Fatal(err)
	}
	hold := retention.Hold{Name: "case-17", Filter: query.Filter{Tenants: []string{"acme"}}, Reason: "lawsuit 17"}
	if err := retention.Place(ctx, store, tracker, hold); err != nil {
		log.Fatal(err)
	}
	remove := func(seq uint64) (uint64, error) { return provider.RemoveBefore(filepath.Join(dir, "ledger"), seq) }
	options := retention.Options{
		Policy: policy, Store: store, Tracker: tracker,
		Now: func() time.Time { return time.Now().Add(100 * retention.Day) },
	}
	report, err := retention.ApplyLedger(ctx, reader, remove, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("removed", len(report.Removed), "held by", report.Stays.Holds)

	if err := retention.Lift(ctx, store, tracker, "case-17", "the lawsuit is over"); err != nil {
		log.Fatal(err)
	}
	report, err = retention.ApplyLedger(ctx, reader, remove, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("removed", len(report.Removed) > 0)
	// Output:
	// removed 0 held by [case-17]
	// removed true
}
