package ledgerquery_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
)

// List the history of an article, page by page, newest first.
func Example() {
	temp, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "audit-ledger")
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir))
	if err != nil {
		log.Fatal(err)
	}
	ctx := audit.ContextWithActor(context.Background(), audit.User("42"))
	for i, action := range []string{"article.create", "article.update", "article.publish"} {
		err := provider.Tracker("example.com/shop").Track(ctx, audit.Event{
			Time:   time.Date(2026, 11, 23, 7, 26, i, 0, time.UTC),
			Action: action, Target: audit.Target{Type: "article", ID: "1001"}, Outcome: audit.OutcomeSuccess,
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	reader, err := ledgerquery.NewReader(dir)
	if err != nil {
		log.Fatal(err)
	}
	filter := query.Filter{Targets: []audit.Target{{Type: "article", ID: "1001"}}, Limit: 2}
	for page := 1; ; page++ {
		n := 0
		for record, err := range reader.Find(ctx, filter) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(page, record.Time.Format(time.TimeOnly), record.Actor.ID, record.Action)
			filter.After = query.CursorOf(record)
			n++
		}
		if n < filter.Limit {
			break
		}
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 07:26:02 42 article.publish
	// 1 07:26:01 42 article.update
	// 2 07:26:00 42 article.create
}
