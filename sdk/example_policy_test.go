package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"go.opentelemetry.io/otel/attribute"
)

// Administrators must give a reason, and records of salaries do not contain values.
func ExampleWithPolicy() {
	rules, err := policy.New(
		policy.Rule{Name: "salaries", Targets: []string{"salary"}, Require: []string{"reason"}, Changes: policy.ChangesFields},
		policy.Rule{Name: "admin", Channels: []string{"admin"}, Actions: []string{"*.delete"}, Require: []string{"reason"}},
	)
	if err != nil {
		log.Fatal(err)
	}
	exporter, err := stdout.New(stdout.WithText(), stdout.WithWriter(os.Stdout))
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(exporter), sdk.WithPolicy(rules))
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Shutdown(context.Background())

	ctx, _ := audit.NewScope(context.Background(), audit.AsActor(audit.User("42")), audit.WithChannel("admin"))
	tracker := provider.Tracker("example.com/shop")
	err = tracker.Track(ctx, audit.Event{
		Time:   time.Date(2026, 11, 23, 7, 26, 1, 0, time.UTC),
		Action: "article.delete", Outcome: audit.OutcomeSuccess,
	})
	if policyErr, ok := errors.AsType[*sdk.PolicyError](err); ok {
		fmt.Println(policyErr.Rule, policyErr.Problems)
	}
	err = tracker.Track(ctx, audit.Event{
		Time:   time.Date(2026, 11, 23, 7, 26, 2, 0, time.UTC),
		Action: "salary.update", Outcome: audit.OutcomeSuccess, Reason: "yearly review",
		Target:  audit.Target{Type: "salary", ID: "7"},
		Changes: []audit.Change{{Field: "amount", Old: attribute.IntValue(100), New: attribute.IntValue(120)}},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2026-11-23T07:26:01.000Z  failure  audit.rejected        user 42  [signal]
	//     channel admin
	//     failure: sdk: policy rule "admin" rejects the event: audit: reason: it is required for this action
	//     metadata: audit.rejected.action "article.delete", audit.rejected.fields ["reason"], audit.rejected.rule "admin"
	// admin [audit: reason: it is required for this action]
	// 2026-11-23T07:26:02.000Z  success  salary.update         user 42 → salary/7
	//     channel admin
	//     reason: yearly review
	//     ~ amount: (removed)
	//     redacted: changes.amount
}
