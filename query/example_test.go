package query_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
)

// Try a policy on the records of a ledger before it is in force.
func ExampleDryRun() {
	temp, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "audit-ledger")
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir))
	if err != nil {
		log.Fatal(err)
	}
	ctx, _ := audit.NewScope(context.Background(), audit.WithChannel("admin"))
	for i, e := range []audit.Event{
		{Action: "payout.send", Actor: audit.User("42"), Reason: "due"},
		{Action: "payout.send", Actor: audit.Service("cron")},
		{Action: "article.update", Actor: audit.User("7")},
	} {
		_ = e.ID.UnmarshalText(fmt.Appendf(nil, "0199c1f2-0000-7000-8000-%012d", i))
		e.Time = time.Date(2026, 11, 23, 7, 26, i, 0, time.UTC)
		if err := provider.Tracker("example.com/shop").Track(ctx, e); err != nil {
			log.Fatal(err)
		}
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}

	p, err := policy.New(
		policy.Rule{Name: "payouts", Actions: []string{"payout.*"}, Require: []string{"reason"}, RequireActorTypes: []string{"user"}},
		policy.Rule{Name: "refunds", Actions: []string{"refund.*"}},
	)
	if err != nil {
		log.Fatal(err)
	}
	reader, err := ledgerquery.NewReader(dir)
	if err != nil {
		log.Fatal(err)
	}
	if err := query.DryRun(os.Stdout, p, reader.Find(ctx, query.Filter{Ascending: true})); err != nil {
		log.Fatal(err)
	}
	// Output:
	// RECORD                                TIME                  ACTION                    ACTOR       CHANNEL   RULE       REJECTED FOR
	// 0199c1f2-0000-7000-8000-000000000000  2026-11-23T07:26:00Z  payout.send               user        admin     payouts
	// 0199c1f2-0000-7000-8000-000000000001  2026-11-23T07:26:01Z  payout.send               service     admin     payouts    actor.type, reason
	// 0199c1f2-0000-7000-8000-000000000002  2026-11-23T07:26:02Z  article.update            user        admin     (no rule)
	//
	// RULE         RECORDS   REJECTED
	// payouts            2          1
	// refunds            0          0
	// (no rule)          1          0
	//
	// No record matched: refunds
}
