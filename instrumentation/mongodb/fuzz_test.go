package auditmongo_test

import (
	"context"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/embedded"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
)

// eventRecorder is a Tracker that keeps events.
type eventRecorder struct {
	embedded.Tracker
	mu     sync.Mutex
	events []audit.Event
}

func (t *eventRecorder) Track(_ context.Context, e audit.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
	return nil
}

// FuzzCommand passes arbitrary bytes to the monitor as a command and its reply. The monitor
// must not panic, must raise at most one signal, and must mask sensitive fields.
func FuzzCommand(f *testing.F) {
	for _, c := range []bson.D{
		insert(pairs("_id", oid, "title", "a", "body", "secret", "items", bson.A{pairs("note", "secret")})),
		update(id(uuid), append(set("body", "secret", "items.0.note", "secret"), operator("$unset", "title", "")...)),
		update(id(1), bson.A{set("title", "x")}), remove(id("1"), 1),
		inTransaction("s", 1, insert(id(1))), commit("s", 1),
		{{Key: "bulkWrite", Value: 1}, {Key: "nsInfo", Value: bson.A{pairs("ns", "shop.articles")}}},
	} {
		f.Add(c[0].Key, []byte(marshal(f, c)), []byte(marshal(f, okReply(1))))
	}
	c := findAndModify(pairs("slug", 1), bson.E{Key: "update", Value: pairs("title", "x")})
	f.Add(c[0].Key, []byte(marshal(f, c)), []byte(marshal(f, pairs("ok", 1, "value", id(1), "lastErrorObject", pairs("n", 1, "upserted", oid)))))

	f.Fuzz(func(t *testing.T, name string, command, reply []byte) {
		tracker := &eventRecorder{}
		m, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{articles})
		require.NoError(t, err)
		driver := m.CommandMonitor()
		driver.Started(t.Context(), &event.CommandStartedEvent{Command: command, CommandName: name, DatabaseName: "shop"})
		driver.Succeeded(t.Context(), &event.CommandSucceededEvent{
			Reply: reply, CommandFinishedEvent: event.CommandFinishedEvent{CommandName: name},
		})
		require.NoError(t, m.Shutdown(t.Context()))
		require.LessOrEqual(t, len(tracker.events), 1)
		for _, e := range tracker.events {
			for _, c := range e.Changes {
				switch c.Field {
				case "body", "address.code", "items.0.note":
					require.True(t, c.Redacted)
				}
			}
		}
	})
}
