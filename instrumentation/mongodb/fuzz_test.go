package auditmongo_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
)

// tracked counts events.
type tracked struct{ events []audit.Event }

func (t *tracked) Track(_ context.Context, e audit.Event) error {
	t.events = append(t.events, e)
	return nil
}

// FuzzCommand has the monitor read anything as a command and its reply: it does not
// panic, raises one signal at most, and none of what is sensitive.
func FuzzCommand(f *testing.F) {
	for _, c := range []bson.D{
		insert(pairs("_id", oid, "title", "a", "body", "hush", "items", bson.A{pairs("note", "hush")})),
		update(id(uuid), append(set("body", "hush", "items.0.note", "hush"), operator("$unset", "title", "")...)),
		update(id(1), bson.A{set("title", "x")}), remove(id("1"), 1),
		in("s", 1, insert(id(1))), commit("s", 1),
		{{Key: "bulkWrite", Value: 1}, {Key: "nsInfo", Value: bson.A{pairs("ns", "shop.articles")}}},
	} {
		f.Add(c[0].Key, []byte(marshal(f, c)), []byte(marshal(f, ok(1))))
	}
	c := findAndModify(pairs("slug", 1), bson.E{Key: "update", Value: pairs("title", "x")})
	f.Add(c[0].Key, []byte(marshal(f, c)), []byte(marshal(f, pairs("ok", 1, "value", id(1), "lastErrorObject", pairs("n", 1, "upserted", oid)))))

	f.Fuzz(func(t *testing.T, name string, command, reply []byte) {
		tracker := &tracked{}
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
