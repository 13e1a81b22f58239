package sdk_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
)

// Track returns once the record is on disk. The exporter follows, and Shutdown waits for
// it.
func ExampleWithLedger() {
	temp, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	exporter, err := stdout.New(stdout.WithText(), stdout.WithWriter(os.Stdout))
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(temp, "audit-ledger"),
		sdk.ExportTo(exporter, sdk.WithBatchSize(256)),
		ledger.WithRetention(365*24*time.Hour, 0), // remove older records, once exported
	))
	if err != nil {
		log.Fatal(err)
	}

	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	err = provider.Tracker("example.com/shop").Track(ctx, audit.Event{
		Time:   time.Date(2026, 11, 23, 7, 26, 2, 0, time.UTC),
		Action: "invoice.approve", Target: audit.Target{Type: "invoice", ID: "1001"}, Outcome: audit.OutcomeSuccess,
	})
	fmt.Println("on disk:", err == nil)

	// A record that an exporter rejects permanently is kept as a dead letter.
	for letter, err := range provider.DeadLetters(ctx) {
		fmt.Println(letter.Exporter, letter.Reason, err)
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// on disk: true
	// 2026-11-23T07:26:02.000Z  success  invoice.approve       user 42 → invoice/1001
}
