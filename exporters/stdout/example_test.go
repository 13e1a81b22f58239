package stdout_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"go.opentelemetry.io/otel/attribute"
)

// Write text for reading at a terminal.
func Example() {
	exporter, err := stdout.New(stdout.WithText())
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(exporter))
	if err != nil {
		log.Fatal(err)
	}

	ctx, _ := audit.NewScope(context.Background(),
		audit.AsActor(audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "jwt"}),
		audit.WithChannel("api"),
		audit.WithScopeMetadata(attribute.String("client.address", "10.0.0.1")),
	)
	err = provider.Tracker("example.com/shop").Track(ctx, audit.Event{
		Time:    time.Date(2026, 11, 23, 7, 26, 2, 0, time.UTC),
		Action:  "article.rename",
		Target:  audit.Target{Type: "article", ID: "1001"},
		Outcome: audit.OutcomeSuccess,
		Reason:  "editorial\napproval",
		Changes: []audit.Change{{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2026-11-23T07:26:02.000Z  success  article.rename        user 42 (Alice) via jwt → article/1001
	//     channel api, from 10.0.0.1
	//     reason: "editorial\napproval"
	//     ~ title: "Old" → "New"
}

// Write one JSON line for each record.
func ExampleNew() {
	exporter, err := stdout.New()
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)
	err = exporter.Export(context.Background(), []*record.Record{{
		Event: audit.Event{
			ID:      audit.ID{0x01, 0x99, 6: 0x70, 8: 0x80, 15: 0x01},
			Time:    at,
			Action:  "article.publish",
			Actor:   audit.User("42"),
			Outcome: audit.OutcomeSuccess,
		},
		ObservedTime: at,
	}})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"action":"article.publish","actor":{"id":"42","type":"user"},"id":"01990000-0000-7000-8000-000000000001","kind":"intent","observed_time":"2026-11-23T07:26:02.123456789Z","outcome":"success","time":"2026-11-23T07:26:02.123456789Z"}
}

// A buffered writer is flushed after each batch, before Export reports that the records
// are stored.
func ExampleWithWriter() {
	var sink strings.Builder
	exporter, err := stdout.New(stdout.WithWriter(bufio.NewWriter(&sink)), stdout.WithName("memory"), stdout.WithDirect())
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(exporter))
	if err != nil {
		log.Fatal(err)
	}

	err = provider.Tracker("example.com/shop").Track(context.Background(), audit.Event{
		Action: "article.publish", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess,
	})
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(strings.Count(sink.String(), "\n"), strings.Contains(sink.String(), `"action":"article.publish"`))

	if err := provider.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: 1 true
}
