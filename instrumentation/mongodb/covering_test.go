package auditmongo_test

import (
	"context"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.opentelemetry.io/otel/attribute"
)

// place is a document that was updated.
type place struct {
	database, collection string
	id                   any
}

// recordsOf runs f in a scope with a monitor of the collections. It returns the records:
// an intent as its action, a signal as its target ID and where that is.
func recordsOf(t *testing.T, collections []auditmongo.Collection, f func(ctx context.Context, tracker audit.Tracker, write func(place))) []string {
	t.Helper()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("example.com/shop")
	monitor, err := auditmongo.NewMonitor(tracker, collections)
	require.NoError(t, err)
	driver := monitor.CommandMonitor()
	require.NoError(t, audit.Run(t.Context(), func(ctx context.Context) error {
		f(ctx, tracker, func(p place) {
			command := bson.D{{Key: "update", Value: p.collection}, {Key: "updates", Value: bson.A{
				bson.D{{Key: "q", Value: id(p.id)}, {Key: "u", Value: set("title", "x")}},
			}}}
			driver.Started(ctx, &event.CommandStartedEvent{Command: marshal(t, command), CommandName: "update", DatabaseName: p.database})
			driver.Succeeded(ctx, &event.CommandSucceededEvent{
				Reply: marshal(t, okReply(1)), CommandFinishedEvent: event.CommandFinishedEvent{CommandName: "update", DatabaseName: p.database},
			})
		})
		return nil
	}, audit.AsActor(audit.User("42"))))
	require.NoError(t, monitor.Shutdown(t.Context()))
	got := []string{}
	for _, r := range recorder.Records() {
		if r.Kind == audit.KindIntent {
			got = append(got, r.Action)
			continue
		}
		var where []string
		for _, kv := range r.Metadata {
			switch kv.Key {
			case semconv.DBNamespaceKey, semconv.DBCollectionNameKey:
				where = append(where, kv.Value.AsString())
			case semconv.TargetIDTypeKey:
				where = append(where, "a "+kv.Value.AsString())
			}
		}
		got = append(got, strings.Join(append(where, r.Target.Type, r.Target.ID), " "))
	}
	return got
}

// TestIntentCoversOneDatabase tests documents of one target type and ID in several places.
func TestIntentCoversOneDatabase(t *testing.T) {
	t.Parallel()
	update := func(more ...attribute.KeyValue) audit.Event {
		return audit.Event{
			Action: "order.pay", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
			Target: audit.Target{Type: "order", ID: "1"}, Metadata: more,
		}
	}
	shop, archive := place{"shop", "orders", "1"}, place{"archive", "orders", "1"}
	two := []auditmongo.Collection{
		{Database: "shop", Name: "orders", TargetType: "order", IDs: auditmongo.IDString},
		{Database: "archive", Name: "orders", TargetType: "order", IDs: auditmongo.IDString},
	}
	anywhere := []auditmongo.Collection{{Name: "orders", TargetType: "order", IDs: auditmongo.IDString}}
	distinct := []auditmongo.Collection{
		{Name: "orders", TargetType: "order", IDs: auditmongo.IDString}, {Name: "old_orders", TargetType: "old_order", IDs: auditmongo.IDString},
	}
	inArchive := semconv.TargetNamespaceKey.String("archive.orders")
	for name, tt := range map[string]struct {
		collections []auditmongo.Collection
		intent      audit.Event
		writes      []place
		want        []string
	}{
		"the first of its type":           {two, update(), []place{shop, shop}, []string{"order.pay"}},
		"another of its type":             {two, update(), []place{archive}, []string{"order.pay", "orders archive order 1"}},
		"both of its type":                {two, update(), []place{archive, shop}, []string{"order.pay", "orders archive order 1"}},
		"another, and the intent says so": {two, update(inArchive), []place{archive}, []string{"order.pay"}},
		"the first, and the intent names another": {
			two, update(inArchive), []place{shop, archive}, []string{"order.pay", "orders shop order 1"},
		},
		"any database":      {anywhere, update(), []place{archive, archive}, []string{"order.pay"}},
		"several databases": {anywhere, update(), []place{shop, archive, shop}, []string{"order.pay", "orders archive order 1"}},
		"types of their own": {
			distinct, update(), []place{shop, {"shop", "old_orders", "1"}}, []string{"order.pay", "old_orders shop old_order 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, intentFirst := range []bool{true, false} {
				assert.Equal(t, tt.want, recordsOf(t, tt.collections, func(ctx context.Context, tracker audit.Tracker, write func(place)) {
					if intentFirst {
						require.NoError(t, tracker.Track(ctx, tt.intent))
					}
					for _, p := range tt.writes {
						write(p)
					}
					if !intentFirst {
						require.NoError(t, tracker.Track(ctx, tt.intent))
					}
				}), "intent first: %v", intentFirst)
			}
		})
	}
}

// TestIntentCoversOneTypeOfID tests IDs of several types with the same text.
func TestIntentCoversOneTypeOfID(t *testing.T) {
	t.Parallel()
	uuidString := "01920000-0000-7000-8000-000000000001"
	for name, tt := range map[string]struct {
		ids    auditmongo.IDType
		intent string
		writes []any
		want   []string // IDs of the recorded signals
	}{
		"ObjectIDs":              {auditmongo.IDAny, hex, []any{oid}, nil},
		"ObjectIDs, given":       {auditmongo.IDObjectID, hex, []any{oid}, nil},
		"strings":                {auditmongo.IDAny, "hello", []any{"hello"}, nil},
		"strings of digits":      {auditmongo.IDAny, "1001", []any{"1001", "1001"}, nil},
		"strings, given":         {auditmongo.IDString, "1001", []any{"1001"}, nil},
		"strings of UUIDs":       {auditmongo.IDAny, uuidString, []any{uuidString}, nil},
		"numbers":                {auditmongo.IDAny, "1001", []any{int32(1001), int64(1001), 1001.0}, nil},
		"numbers, given":         {auditmongo.IDNumber, "1001", []any{int32(1001), int64(1001), 1001.0}, nil},
		"UUIDs":                  {auditmongo.IDAny, uuidString, []any{uuid}, nil},
		"UUIDs, given":           {auditmongo.IDUUID, uuidString, []any{uuid}, nil},
		"number and string":      {auditmongo.IDAny, "1001", []any{1001, "1001", 1001}, []string{"a string orders shop order 1001"}},
		"string and number":      {auditmongo.IDAny, "1001", []any{"1001", 1001, "1001"}, []string{"orders shop order 1001"}},
		"ObjectID and string":    {auditmongo.IDAny, hex, []any{oid, hex}, []string{"a string orders shop order " + hex}},
		"UUID and string":        {auditmongo.IDAny, uuidString, []any{uuid, uuidString}, []string{"a string orders shop order " + uuidString}},
		"bool and string":        {auditmongo.IDAny, "true", []any{true, "true"}, []string{"a string orders shop order true"}},
		"document and string":    {auditmongo.IDAny, `{"a": "b"}`, []any{pairs("a", "b"), `{"a": "b"}`}, []string{`a string orders shop order {"a": "b"}`}},
		"a string, not an OID":   {auditmongo.IDObjectID, hex, []any{hex}, []string{`orders shop order "` + hex + `"`}},
		"a string, not a UUID":   {auditmongo.IDUUID, uuidString, []any{uuidString}, []string{`orders shop order "` + uuidString + `"`}},
		"a string, not a number": {auditmongo.IDNumber, "1001", []any{"1001"}, []string{`orders shop order "1001"`}},
		"a number, not a string": {
			auditmongo.IDString, "1001",
			[]any{int32(1001), int64(1001), 1001.0},
			[]string{`orders shop order {"$numberLong":"1001"}`, `orders shop order {"$numberLong":"1001"}`, `orders shop order {"$numberLong":"1001"}`},
		},
		"an OID, not a string": {auditmongo.IDString, hex, []any{oid}, []string{`orders shop order {"$oid":"` + hex + `"}`}},
		"a string that looks like an OID's JSON": {
			auditmongo.IDString, `{"$oid":"` + hex + `"}`,
			[]any{oid, `{"$oid":"` + hex + `"}`},
			[]string{`orders shop order "{\"$oid\":\"` + hex + `\"}"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collections := []auditmongo.Collection{{Name: "orders", TargetType: "order", IDs: tt.ids}}
			assert.Equal(t, append([]string{"order.pay"}, tt.want...), recordsOf(t, collections, func(ctx context.Context, tracker audit.Tracker, write func(place)) {
				for _, id := range tt.writes {
					write(place{"shop", "orders", id})
				}
				require.NoError(t, tracker.Track(ctx, audit.Event{
					Action: "order.pay", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "order", ID: tt.intent},
				}))
			}))
		})
	}
}

// FuzzIDs tests that two different strings, or a string and any other _id, never have the
// same target, whatever the type of the collection's IDs.
func FuzzIDs(f *testing.F) {
	for _, s := range []string{"", "a", "1001", hex, "true", `{"a": "b"}`, `"x"`, `{"$numberLong":"1001"}`, `{"$oid":"` + hex + `"}`} {
		f.Add(s, int64(1001), uint8(auditmongo.IDString))
	}
	f.Fuzz(func(t *testing.T, text string, number int64, ids uint8) {
		tracker := &eventRecorder{}
		m, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{Name: "articles", TargetType: "article", IDs: auditmongo.IDType(ids % 5)}})
		require.NoError(t, err)
		driver := m.CommandMonitor()
		values := []any{text, `"` + text + `"`, number, oid, uuid, true, pairs("a", text), bson.DateTime(number), bson.Symbol(text)}
		for i, v := range values {
			command := marshal(t, insert(id(v)))
			driver.Started(t.Context(), &event.CommandStartedEvent{Command: command, CommandName: "insert", DatabaseName: "shop", RequestID: int64(i)})
			driver.Succeeded(t.Context(), &event.CommandSucceededEvent{
				Reply: marshal(t, okReply(1)), CommandFinishedEvent: event.CommandFinishedEvent{CommandName: "insert", RequestID: int64(i)},
			})
		}
		require.NoError(t, m.Shutdown(t.Context()))
		require.Len(t, tracker.events, len(values))
		seen := map[string]bool{}
		for _, e := range tracker.events {
			key := e.Target.ID
			for _, kv := range e.Metadata {
				if kv.Key == semconv.TargetIDTypeKey {
					key += "\x00" + kv.Value.AsString()
				}
			}
			require.False(t, seen[key], "%q", e.Target.ID)
			seen[key] = true
		}
	})
}
