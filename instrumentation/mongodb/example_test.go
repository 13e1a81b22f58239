package auditmongo_test

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func Example() {
	tracker := audit.GetTrackerProvider().Tracker("example.com/shop")
	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
		Name:       "articles",
		TargetType: "article",
		Fields: map[string]diff.Rule{
			"title":        diff.Tracked,
			"author.email": diff.Sensitive, // recorded as changed, without its value
		},
	}})
	if err != nil {
		panic(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://localhost:27017").SetMonitor(monitor.CommandMonitor()))
	if err != nil {
		panic(err)
	}

	// The application writes to the collection.

	fmt.Println(client.Disconnect(context.Background()))
	fmt.Println(monitor.Shutdown(context.Background())) // before the provider's Shutdown
	// Output:
	// <nil>
	// <nil>
}
