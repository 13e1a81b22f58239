package audittest_test

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
)

// Shop is the code under test.
type Shop struct{ tracker audit.Tracker }

func (s *Shop) Publish(ctx context.Context, id string) error {
	return s.tracker.Track(ctx, audit.Event{
		Action:  "article.publish",
		Target:  audit.Target{Type: "article", ID: id},
		Outcome: audit.OutcomeSuccess,
	})
}

func ExampleRecorder() {
	t := &fakeTB{} // the test's *testing.T
	defer t.end()

	recorder := audittest.NewRecorder(t)
	shop := &Shop{tracker: recorder.Tracker("example.com/shop")}
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	if err := shop.Publish(ctx, "1001"); err != nil {
		t.Fatalf("%v", err)
	}

	r := recorder.RequireOne(t, "article.publish")
	fmt.Println(r.Actor.ID, r.Target.ID, r.Outcome)

	recorder.RequireNone(t, "article.delete")
	recorder.RequireNone(t) // fails
	fmt.Println(t.said[0])
	// Output:
	// 42 1001 success
	// audittest: want no record, got 1. Recorded:
	//    1. article.publish success, by user "42", on article "1001"
}
