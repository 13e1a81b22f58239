package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/session"
	"go.opentelemetry.io/otel/attribute"
)

// printer is an exporter that prints one line for each record.
type printer struct{}

func (printer) Name() string { return "printer" }

func (printer) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		parts := []string{r.Kind.String(), r.Action, "by " + strings.TrimSpace(r.Actor.Type.String()+" "+r.Actor.ID)}
		if r.Target.Type != "" {
			parts = append(parts, "on "+r.Target.Type+"/"+r.Target.ID)
		}
		parts = append(parts, r.Outcome.String())
		for _, c := range r.Changes {
			parts = append(parts, fmt.Sprintf("%s: %q -> %q", c.Field, c.Old.String(), c.New.String()))
		}
		fmt.Println(strings.Join(parts, ", "))
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

// Direct reports that Export cannot hang.
func (printer) Direct() bool { return true }

// exampleTracker returns a tracker whose records are printed.
func exampleTracker() audit.Tracker {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	return provider.Tracker("example.com/shop")
}

func Example() {
	tracker := exampleTracker()

	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	err := tracker.Track(ctx, audit.Event{
		Action:  "invoice.approve",
		Target:  audit.Target{Type: "invoice", ID: "1001"},
		Outcome: audit.OutcomeSuccess,
		Reason:  "within budget",
	})
	if err != nil {
		fmt.Println("not recorded:", err)
	}
	// Output: intent, invoice.approve, by user 42, on invoice/1001, success
}

func ExampleTrack() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()

	event := audit.Event{Action: "report.export", Actor: audit.Service("billing")}
	fmt.Println(errors.Is(audit.Track(context.Background(), event), audit.ErrNoProvider))

	audit.SetTrackerProvider(provider)
	defer audit.SetTrackerProvider(nil)
	fmt.Println(audit.Track(context.Background(), event))
	// Output:
	// true
	// intent, report.export, by service billing, unknown
	// <nil>
}

func ExampleNewScope() {
	tracker := exampleTracker()

	ctx, scope := audit.NewScope(context.Background(),
		audit.AsActor(audit.User("42")),
		audit.WithChannel("admin"),
		audit.WithScopeMetadata(attribute.String("ticket", "OPS-7")))
	article := audit.Target{Type: "article", ID: "1001"}

	// A data layer raises signals for its writes. It does not know the reason.
	signal := audit.Event{Kind: audit.KindSignal, Action: "article.update", Operation: audit.OperationUpdate}
	signal.Target = article
	_ = tracker.Track(ctx, signal)
	signal.Target.ID = "1002"
	_ = tracker.Track(ctx, signal)

	// The application records its intent for one of the two articles.
	_ = tracker.Track(ctx, audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate, Target: article, Outcome: audit.OutcomeSuccess,
	})

	// When the scope ends, the signal of the other article is recorded.
	_ = scope.End(ctx)
	// Output:
	// intent, article.publish, by user 42, on article/1001, success
	// signal, article.update, by user 42, on article/1002, unknown
}

func ExampleRun() {
	tracker := exampleTracker()

	err := audit.Run(context.Background(), func(ctx context.Context) error {
		return tracker.Track(ctx, audit.Event{Action: "session.purge", Outcome: audit.OutcomeSuccess})
	}, audit.AsActor(audit.System("nightly-purge")), audit.WithChannel("job"))
	fmt.Println(err)
	// Output:
	// intent, session.purge, by system nightly-purge, success
	// <nil>
}

func ExampleSetActor() {
	tracker := exampleTracker()
	ctx, scope := audit.NewScope(context.Background())

	event := audit.Event{Action: "account.close"}
	fmt.Println(errors.Is(tracker.Track(ctx, event), audit.ErrNoActor))

	// Authentication often runs after the scope has been opened.
	_ = audit.SetActor(ctx, audit.User("42"))
	_ = tracker.Track(ctx, event)
	_ = scope.End(ctx)
	// Output:
	// signal, audit.rejected, by unresolved, failure
	// true
	// intent, account.close, by user 42, unknown
}

func ExampleWithActor() {
	tracker := exampleTracker()
	type session struct{ userID string }
	current := &session{userID: "42"}

	ctx, scope := audit.NewScope(context.Background(), audit.WithActor(func(context.Context) (audit.Actor, error) {
		fmt.Println("called once, when an event needs the actor")
		return audit.User(current.userID), nil
	}))
	_ = tracker.Track(ctx, audit.Event{Action: "cart.checkout"})
	_ = tracker.Track(ctx, audit.Event{Action: "cart.clear"})
	_ = scope.End(ctx)
	// Output:
	// called once, when an event needs the actor
	// intent, cart.checkout, by user 42, unknown
	// intent, cart.clear, by user 42, unknown
}

func ExampleSuppressSignals() {
	tracker := exampleTracker()
	ctx := audit.ContextWithActor(context.Background(), audit.System("migration"))

	signal := audit.Event{Kind: audit.KindSignal, Action: "article.update", Target: audit.Target{Type: "article", ID: "1"}}
	fmt.Println(tracker.Track(audit.SuppressSignals(ctx), signal))
	_ = tracker.Track(ctx, audit.Event{Action: "article.migrate", Reason: "new schema"})
	// Output:
	// <nil>
	// intent, article.migrate, by system migration, unknown
}

// invoice opts its fields in to the trail by struct tags.
type invoice struct {
	Status string `audit:"status"`
	IBAN   string `audit:"iban,sensitive"`
	Notes  string // not recorded
}

func ExampleTrackUpdate() {
	tracker := exampleTracker()
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))

	before := invoice{Status: "open", IBAN: "DE89 3704 0044 0532 0130 00"}
	after := invoice{Status: "paid", IBAN: "FR14 2004 1010 0505 0001 3M02 606", Notes: "call back"}
	_ = audit.TrackUpdate(ctx, tracker, audit.Event{Target: audit.Target{Type: "invoice", ID: "1001"}}, before, after)
	// Output: intent, invoice.update, by user 42, on invoice/1001, success, status: "open" -> "paid", iban: "***REDACTED***" -> "***REDACTED***"
}

func ExampleTrackCreate() {
	tracker := exampleTracker()
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	_ = audit.TrackCreate(ctx, tracker, audit.Event{Target: audit.Target{Type: "invoice", ID: "1001"}}, invoice{Status: "open"})
	// Output: intent, invoice.create, by user 42, on invoice/1001, success, status: "" -> "open", iban: "" -> "***REDACTED***"
}

func ExampleTrackDelete() {
	tracker := exampleTracker()
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	_ = audit.TrackDelete(ctx, tracker, audit.Event{Target: audit.Target{Type: "invoice", ID: "1001"}}, invoice{Status: "open"})
	// Output: intent, invoice.delete, by user 42, on invoice/1001, success, status: "open" -> "", iban: "***REDACTED***" -> ""
}

func ExampleTrackLogin() {
	tracker := exampleTracker()
	ctx := context.Background()
	_ = session.TrackLogin(ctx, tracker, audit.Event{Actor: audit.User("42")}, "password")
	_ = session.TrackLoginFailure(ctx, tracker, audit.Event{Target: audit.Target{ID: "root"}, Reason: "wrong password"}, "password")
	_ = session.TrackLogout(ctx, tracker, audit.Event{Actor: audit.User("42")}, "jwt")
	// Output:
	// intent, user.login, by user 42, on user/42, success
	// intent, user.login, by anonymous, on user/root, denied
	// intent, user.logout, by user 42, on user/42, success
}
