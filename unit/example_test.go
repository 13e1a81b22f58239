package unit_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/unit"
)

// printer is an exporter that prints the action and the outcome of each record.
type printer struct{}

func (printer) Name() string { return "printer" }

func (printer) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		fmt.Println(r.Action, r.Outcome)
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

// The adapter of a database begins a unit before its transaction, starts the work, and says
// how it ended. What was tracked in a transaction that was rolled back is a failure.
func ExampleRun() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	tracker := provider.Tracker("example.com/shop")
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))

	err = unit.Run(ctx, tracker, audit.Event{}, func(u *unit.Unit) error {
		ctx := u.Start(ctx) // the context of the transaction
		if err := tracker.Track(ctx, audit.Event{
			Action: "article.publish", Target: audit.Target{Type: "article", ID: "1001"}, Outcome: audit.OutcomeSuccess,
		}); err != nil {
			return err
		}
		fmt.Println("nothing is recorded yet")
		return errors.New("the commit failed")
	})
	fmt.Println(err)
	if err := provider.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// unit.commit unknown
	// nothing is recorded yet
	// article.publish failure
	// unit.commit failure
	// the commit failed
}
