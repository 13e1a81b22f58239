package auditmongo_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
)

// otherCollection returns a function that runs a write to a collection that the monitor
// does not select.
func otherCollection(tb testing.TB) func() {
	monitor, err := auditmongo.NewMonitor(audit.GetTrackerProvider().Tracker("x"), []auditmongo.Collection{articles})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = monitor.Shutdown(context.Background()) })
	driver := monitor.CommandMonitor()
	ctx := tb.Context()
	command := marshal(tb, bson.D{{Key: "insert", Value: "carts"}, {Key: "documents", Value: bson.A{id(1)}}})
	started := &event.CommandStartedEvent{Command: command, CommandName: "insert", DatabaseName: "shop", RequestID: 1, ConnectionID: "a"}
	succeeded := &event.CommandSucceededEvent{Reply: marshal(tb, okReply(1)), CommandFinishedEvent: event.CommandFinishedEvent{
		CommandName: "insert", DatabaseName: "shop", RequestID: 1, ConnectionID: "a",
	}}
	return func() {
		driver.Started(ctx, started)
		driver.Succeeded(ctx, succeeded)
	}
}

func TestOtherCollectionAllocatesNothing(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(1000, otherCollection(t)))
}
