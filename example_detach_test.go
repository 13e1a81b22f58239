package audit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit"
)

func ExampleDetach() {
	tracker := exampleTracker()
	done := make(chan struct{})

	// The request's middleware opens the scope and ends it.
	_ = audit.Run(context.Background(), func(ctx context.Context) error {
		job, scope, err := audit.Detach(ctx) // here, and not in the goroutine
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
	}, audit.WithActor(audit.User("42")))

	<-done
	// Output: intent, report.render, by user 42, success
}

func ExampleMarshalContext() {
	tracker := exampleTracker()
	secret := []byte("32 random bytes from your secrets") // of the service and its workers
	key, err := audit.NewContextKey("2026-11", secret)
	if err != nil {
		fmt.Println(err) // bad configuration
		return
	}

	// In the service, the token goes into the header of a message.
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	token, err := audit.MarshalContext(ctx, key, "mailer", 24*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}

	// In the worker, it comes out of it. Older keys stay until their tokens have expired.
	keys := []audit.ContextKey{key}
	job, scope, err := audit.UnmarshalContext(context.Background(), token, "mailer", keys)
	if err != nil {
		fmt.Println(err) // give the message up: it does not say who wanted this
		return
	}
	defer func() { _ = scope.End(job) }()
	_ = tracker.Track(job, audit.Event{Action: "mail.send", Outcome: audit.OutcomeSuccess})

	_, _, err = audit.UnmarshalContext(context.Background(), token, "billing", keys)
	fmt.Println(errors.Is(err, audit.ErrContextAudience))
	// Output:
	// intent, mail.send, by user 42, success
	// true
}
