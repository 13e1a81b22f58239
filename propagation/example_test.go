package propagation_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/propagation"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
)

func Example() {
	secret := []byte("32 random bytes from your secrets") // of the service and its workers
	key, err := propagation.NewKey("2026-11", secret)
	if err != nil {
		fmt.Println(err) // bad configuration
		return
	}

	// In the service, the token goes into a header of the message.
	request := audit.ContextWithActor(context.Background(), audit.User("42"))
	token, err := propagation.Marshal(request, key, "mailer", 24*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}

	// In the worker, it opens the scope of the job.
	if err := handle(context.Background(), token, []propagation.Key{key}); err != nil {
		fmt.Println(err)
	}

	// A token for one audience is of no use to another.
	_, _, err = propagation.Unmarshal(context.Background(), token, "billing", []propagation.Key{key})
	fmt.Println(errors.Is(err, propagation.ErrAudience))
	// Output:
	// mail.send by user 42
	// true
}

// handle is the job of a message with the token.
func handle(ctx context.Context, token string, keys []propagation.Key) (err error) {
	ctx, scope, err := propagation.Unmarshal(ctx, token, "mailer", keys)
	if err != nil {
		return err // the message does not prove who wanted this
	}
	defer func() { err = errors.Join(err, scope.End(context.WithoutCancel(ctx))) }()
	return newTracker().Track(ctx, audit.Event{Action: "mail.send", Outcome: audit.OutcomeSuccess})
}

// newTracker returns the tracker of a provider that prints its records.
func newTracker() audit.Tracker {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	return provider.Tracker("example.com/mailer")
}

type printer struct{}

func (printer) Name() string                   { return "printer" }
func (printer) Direct() bool                   { return true }
func (printer) Shutdown(context.Context) error { return nil }

func (printer) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		fmt.Println(r.Action, "by", r.Actor.Type, r.Actor.ID)
	}
	return nil
}
