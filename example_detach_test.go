package audit_test

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
)

func ExampleDetach() {
	tracker := exampleTracker()
	done := make(chan struct{})

	// The request's middleware opens the scope and ends it.
	_ = audit.Run(context.Background(), func(ctx context.Context) error {
		job, scope, err := audit.Detach(ctx) // before the goroutine starts
		if err != nil {
			return err
		}
		go func() {
			defer close(done)
			defer func() {
				if err := scope.End(job); err != nil {
					fmt.Println("not recorded:", err)
				}
			}()
			_ = tracker.Track(job, audit.Event{Action: "report.render", Outcome: audit.OutcomeSuccess})
		}()
		return nil
	}, audit.AsActor(audit.User("42")))

	<-done
	// Output: intent, report.render, by user 42, success
}
