package bench

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongoevent "go.mongodb.org/mongo-driver/v2/event"
)

// BenchmarkMonitor measures the time that the monitor adds to a write: to a collection that is not
// opted in (other), and to one that is (tracked), whose signal another goroutine tracks.
func BenchmarkMonitor(b *testing.B) {
	_, tracker := newTracker(b, sdk.WithSyncer(discard{}))
	for _, impl := range []struct{ name, collection string }{{"other", "carts"}, {"tracked", "articles"}} {
		b.Run("impl="+impl.name, func(b *testing.B) {
			ctx := audit.ContextWithActor(b.Context(), audit.User("42"))
			monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
				Name: "articles", TargetType: "article", Fields: map[string]diff.Rule{"title": diff.Tracked},
			}}, auditmongo.WithQueueSize(1<<20))
			require.NoError(b, err)
			driver := monitor.CommandMonitor()
			started, succeeded := update(b, impl.collection)
			b.ReportAllocs()
			for b.Loop() {
				driver.Started(ctx, started)
				driver.Succeeded(ctx, succeeded)
			}
			b.StopTimer()
			require.NoError(b, monitor.Shutdown(b.Context()))
		})
	}
}

// update returns the events of an update by _id.
func update(b *testing.B, collection string) (*mongoevent.CommandStartedEvent, *mongoevent.CommandSucceededEvent) {
	b.Helper()
	command, err := bson.Marshal(bson.D{
		{Key: "update", Value: collection},
		{Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: bson.D{{Key: "_id", Value: bson.NewObjectID()}}},
			{Key: "u", Value: bson.D{{Key: "$set", Value: bson.D{{Key: "title", Value: "Hello"}, {Key: "body", Value: "text"}}}}},
		}}},
	})
	require.NoError(b, err)
	reply, err := bson.Marshal(bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}})
	require.NoError(b, err)
	return &mongoevent.CommandStartedEvent{Command: command, CommandName: "update", DatabaseName: "shop", RequestID: 7, ConnectionID: "a"},
		&mongoevent.CommandSucceededEvent{Reply: reply, CommandFinishedEvent: mongoevent.CommandFinishedEvent{
			CommandName: "update", DatabaseName: "shop", RequestID: 7, ConnectionID: "a",
		}}
}
