package audittest_test

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Shop is the code under test.
type Shop struct{ tracker audit.Tracker }

func (s *Shop) Rename(ctx context.Context, id, title string) error {
	return s.tracker.Track(ctx, audit.Event{
		Action:  "article.update",
		Target:  audit.Target{Type: "article", ID: id},
		Outcome: audit.OutcomeSuccess,
		Changes: []audit.Change{{Field: "title", New: attribute.StringValue(title)}},
	})
}

func Example() {
	t := &fakeTB{} // the test's *testing.T
	defer t.end()

	recorder := audittest.NewRecorder(t)
	shop := &Shop{tracker: recorder.Tracker("example.com/shop")}
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	if err := shop.Rename(ctx, "1001", "New title"); err != nil {
		t.Fatalf("%v", err)
	}

	r := recorder.RequireRecord(t, audittest.Action("article.update"),
		audittest.Target("article", "1001"), audittest.Changed("title"))
	fmt.Println(r.Changes[0].New.String())

	recorder.RequireNoRecord(t, audittest.Action("article.delete"))
	// Output:
	// New title
}

func ExampleRecorder_RequireRecord() {
	t := &fakeTB{} // the test's *testing.T
	defer t.end()

	recorder := audittest.NewRecorder(t)
	shop := &Shop{tracker: recorder.Tracker("example.com/shop")}
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	_ = shop.Rename(ctx, "1001", "New title")
	_ = shop.Rename(ctx, "1002", "New title")

	// This fails.
	recorder.RequireRecord(t, audittest.Action("article.update"), audittest.Target("article", "1002"), audittest.Changed("body"))
	fmt.Println(t.errors[0])
	// Output:
	// audittest: want one record with action article.update, target article "1002" and changed ["body"], got 0:
	//    1. article.update, success, by user "42", on article "1001" != article "1002", changed ["title"] != ["body"]
	// >  2. article.update, success, by user "42", on article "1002", changed ["title"] != ["body"]
}

func ExampleMatch() {
	t := &fakeTB{} // the test's *testing.T
	defer t.end()

	recorder := audittest.NewRecorder(t)
	shop := &Shop{tracker: recorder.Tracker("example.com/shop")}
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	_ = shop.Rename(ctx, "1001", "New title")

	traced := audittest.Match("a trace", func(r *record.Record) bool { return r.TraceID.IsValid() })
	recorder.RequireNoRecord(t, traced)
	recorder.RequireRecord(t, audittest.Not(traced))
	fmt.Println(len(t.errors), "failures")
	// Output:
	// 0 failures
}
