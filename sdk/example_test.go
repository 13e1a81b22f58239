package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"go.opentelemetry.io/otel/attribute"
)

// lines is an exporter that prints a line for each record.
type lines struct{}

func (lines) Name() string { return "lines" }

func (lines) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		line := r.Action
		for _, kv := range r.Metadata {
			line += fmt.Sprintf(" %s=%s", kv.Key, kv.Value.String())
		}
		fmt.Println(line)
	}
	return nil
}

func (lines) Shutdown(context.Context) error { return nil }

// This is all that a main function needs.
func Example() { //nolint:testableexamples // running it would leave a ledger behind
	exporter, err := stdout.New()
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger("audit-ledger", sdk.ExportTo(exporter)))
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Shutdown(context.Background())
	audit.SetTrackerProvider(provider)
}

func ExampleNewTrackerProvider() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(lines{}))
	if err != nil {
		fmt.Println(err) // lists everything that is wrong with the options
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop", audit.WithVersion("1.2.0"))
	err = tracker.Track(context.Background(), audit.Event{Action: "cart.clear", Actor: audit.User("42")})
	fmt.Println(err)
	// Output:
	// cart.clear
	// <nil>
}

func ExampleWithBatcher() {
	provider, err := sdk.NewTrackerProvider(sdk.WithBatcher(lines{}, sdk.WithQueueSize(10_000)))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = provider.Tracker("example.com/shop").Track(context.Background(), audit.Event{Action: "cart.clear", Actor: audit.User("42")})
	fmt.Println("queued")
	_ = provider.Shutdown(context.Background()) // exports what is queued
	// Output:
	// queued
	// cart.clear
}

func ExampleWithProcessor() {
	// The processor adds metadata to every record, and drops events of test users.
	enrich := sdk.ProcessorFunc(func(ctx context.Context, r *record.Record, next sdk.Next) error {
		if strings.HasPrefix(r.Actor.ID, "test-") {
			return nil // Track returns sdk.ErrDropped
		}
		r.Metadata = append(r.Metadata, attribute.String("region", "eu-west-1"), attribute.String("password", "added by mistake"))
		return next(ctx, r)
	})
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(lines{}), sdk.WithProcessor(enrich))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop")
	_ = tracker.Track(context.Background(), audit.Event{Action: "cart.clear", Actor: audit.User("42")})
	err = tracker.Track(context.Background(), audit.Event{Action: "cart.clear", Actor: audit.User("test-1")})
	fmt.Println(errors.Is(err, sdk.ErrDropped))
	// Output:
	// cart.clear password=***REDACTED*** region=eu-west-1
	// true
}

func ExampleWithValidation() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(lines{}), sdk.WithValidation(
		sdk.WithActions("payout.*", "cart.*"),
		sdk.WithRequired("payout.*", "reason", "metadata.ticket"),
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	err = provider.Tracker("example.com/bank").Track(context.Background(), audit.Event{Action: "payout.approve", Actor: audit.User("42")})
	if invalid, ok := errors.AsType[*audit.ValidationError](err); ok {
		fmt.Println(invalid.Field, "-", invalid.Reason)
	}
	// Output:
	// audit.rejected audit.rejected.action=payout.approve audit.rejected.fields=["reason"]
	// reason - it is required for this action
}

func ExampleWithAnonymous() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(lines{}), sdk.WithAnonymous("survey.*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	tracker := provider.Tracker("example.com/shop")
	fmt.Println(tracker.Track(context.Background(), audit.Event{Action: "survey.submit", Actor: audit.Anonymous()}))
	fmt.Println(errors.Is(
		tracker.Track(context.Background(), audit.Event{Action: "order.submit", Actor: audit.Anonymous()}),
		policy.ErrAnonymousNotAllowed))
	// Output:
	// survey.submit
	// <nil>
	// audit.rejected audit.rejected.action=order.submit audit.rejected.fields=["actor"]
	// true
}

func ExampleWithRedaction() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(lines{}), sdk.WithRedaction(
		redact.WithSensitiveKeys("badge number"),
		redact.WithAllowedKeys("token_fingerprint"),
		redact.WithPattern(`EMP-[0-9]{6}`, redact.Mask()),
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	_ = provider.Tracker("example.com/hr").Track(context.Background(), audit.Event{
		Action: "employee.update",
		Actor:  audit.User("42"),
		Metadata: []attribute.KeyValue{
			attribute.String("apiKey", "k"),
			attribute.String("badgeNumber", "77"),
			attribute.String("note", "moved EMP-123456"),
			attribute.String("token_fingerprint", "ab12"),
		},
	})
	// Output: employee.update apiKey=***REDACTED*** badgeNumber=***REDACTED*** note=moved ***REDACTED*** token_fingerprint=ab12
}
