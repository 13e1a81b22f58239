package main

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/rogpeppe/go-internal/testscript"
	"go.opentelemetry.io/otel/attribute"
)

// trackPersonal records that somebody changed customers, whose values are erasable: personal
// LEDGER KEYS CUSTOMER... The record of the n-th has the ID 0199c1f2-0000-7000-8000-00000000000n.
func trackPersonal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: personal LEDGER KEYS CUSTOMER...")
	}
	ctx := context.Background()
	keys, err := erasure.CreateDir(ts.MkAbs(args[1]))
	ts.Check(err)
	vault, err := erasure.NewVault(keys)
	ts.Check(err)
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(ts.MkAbs(args[0])),
		sdk.WithRedaction(redact.WithKeyStrategy("customer.*", redact.Erasable(vault.For(erasure.Target)))))
	ts.Check(err)
	for i, customer := range args[2:] {
		var id audit.ID
		ts.Check(id.UnmarshalText(fmt.Appendf(nil, "0199c1f2-0000-7000-8000-%012d", i+1)))
		ts.Check(p.Tracker("test").Track(ctx, audit.Event{
			ID: id, Action: "customer.update", Actor: audit.User("clerk"), Outcome: audit.OutcomeSuccess, Tenant: "acme",
			Target: audit.Target{Type: "customer", ID: customer},
			Metadata: []attribute.KeyValue{
				attribute.String("customer.email", customer+"@wonderland.example"), attribute.String("customer.city", "Oxford"),
			},
		}))
	}
	ts.Check(p.Shutdown(ctx))
	ts.Check(keys.Close())
}
