package auditmongo_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/embedded"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.opentelemetry.io/otel/attribute"
)

var (
	hex  = "507f1f77bcf86cd799439011"
	oid  = must(bson.ObjectIDFromHex(hex))
	uuid = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte("\x01\x92\x00\x00\x00\x00\x70\x00\x80\x00\x00\x00\x00\x00\x00\x01")}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestWrites(t *testing.T) {
	for name, tc := range map[string]struct {
		command, reply bson.D
		want           []string
	}{
		"insert": {
			insert(pairs("_id", oid, "title", "Hello", "secret", "x", "body", "long", "views", int32(7))), okReply(1),
			[]string{"article.create success article/" + hex, "title = STRING Hello", "body = STRING ***REDACTED*** redacted", "views = INT64 7"},
		},
		"nested documents and arrays": {
			insert(pairs("_id", 1, "author", pairs("email", "a@b.example", "name", "A"),
				"address", pairs("city", "X", "code", "1234", "geo", bson.D{}),
				"items", bson.A{pairs("name", "a", "note", "secret"), bson.A{1, 2}},
				"lines", bson.A{pairs("price", 2.5, "cost", 1.5)})), okReply(1),
			[]string{
				"article.create success article/1", "author.email = STRING a@b.example", "address.city = STRING X",
				"address.code = STRING ***REDACTED*** redacted", "address.geo = MAP {}", "items.0.name = STRING a",
				"items.0.note = STRING ***REDACTED*** redacted", "items.1 = INT64SLICE [1,2]", "lines.0.price = FLOAT64 2.5",
			},
		},
		"names with dots are matched as if nested": {
			insert(pairs("_id", 1, "author.email", "e", "address", pairs("code.old", "1234", "zip.old", "8"),
				"items", bson.A{pairs("note.x", "secret")}, "body.x", "secret")), okReply(1),
			[]string{
				"article.create success article/1", "author.email = STRING e", "address.code.old = STRING ***REDACTED*** redacted",
				"address.zip.old = STRING 8", "items.0.note.x = STRING ***REDACTED*** redacted", "body.x = STRING ***REDACTED*** redacted",
			},
		},
		"update by _id": {
			update(id("1001"), set("title", "New", "other", 1)), okReply(1, bson.E{Key: "nModified", Value: 1}),
			[]string{"article.update success article/1001", "title = STRING New"},
		},
		"update by _id and another condition": {
			update(bson.D{{Key: "_id", Value: 7}, {Key: "version", Value: 3}}, set("title", "New")), okReply(1),
			[]string{"article.update success article/7", "title = STRING New"},
		},
		"update by $eq":              {update(id(pairs("$eq", 1)), set()), okReply(1), []string{"article.update success article/1"}},
		"update of no tracked field": {update(id(1), set("other", 1)), okReply(1), []string{"article.update success article/1"}},
		"paths below rules": {
			update(id(1), set("address.code", "9", "address.zip.old", "8", "items.0.note", "x", "items.$[n].note", nil, "items.2.name", "n",
				"lines.1", pairs("price", 1, "cost", 2), "author", pairs("email", "e"), "author.name", "N")), okReply(1),
			[]string{
				"article.update success article/1", "address.code = STRING ***REDACTED*** redacted", "address.zip.old = STRING 8",
				"items.0.note = STRING ***REDACTED*** redacted", "items.$[n].note = EMPTY redacted", "items.2.name = STRING n",
				"lines.1.price = INT64 1", "author.email = STRING e",
			},
		},
		"unset": {
			update(id(1), operator("$unset", "title", "", "body", "", "author", "", "other", "")), okReply(1),
			[]string{"article.update success article/1", "title = EMPTY", "body = EMPTY redacted", "author.email = EMPTY"},
		},
		"setOnInsert of an update": {
			update(id(1), append(set("title", "a"), operator("$setOnInsert", "views", 1)...), bson.E{Key: "upsert", Value: true}), okReply(1),
			[]string{"article.update success article/1", "title = STRING a"},
		},
		"upsert that inserts": {
			update(pairs("slug", "x"), append(set("title", "a"), operator("$setOnInsert", "views", 1)...), bson.E{Key: "upsert", Value: true}),
			okReply(1, bson.E{Key: "upserted", Value: bson.A{pairs("index", 0, "_id", oid)}}),
			[]string{"article.create success article/" + hex, "title = STRING a", "views = INT64 1"},
		},
		"replacement": {
			update(id(uuid), pairs("title", "T", "body", nil, "views", math.NaN())), okReply(1),
			[]string{"article.update success article/01920000-0000-7000-8000-000000000001", "title = STRING T", "body = EMPTY redacted", "views = FLOAT64 NaN"},
		},
		"pipeline": {update(id(1), bson.A{set("title", "x")}), okReply(1), []string{"article.update success article/1"}},
		"delete":   {remove(id(5.0), 1), okReply(1), []string{"article.delete success article/5"}},
		"findAndModify by _id": {
			findAndModify(id(1), bson.E{Key: "update", Value: set("title", "x")}),
			bson.D{{Key: "ok", Value: 1}, {Key: "value", Value: pairs("title", "old")}, {Key: "lastErrorObject", Value: pairs("n", 1, "updatedExisting", true)}},
			[]string{"article.update success article/1", "title = STRING x"},
		},
		"findAndModify by another filter": {
			findAndModify(pairs("slug", "x"), bson.E{Key: "remove", Value: true}),
			bson.D{{Key: "ok", Value: 1}, {Key: "value", Value: id(oid)}, {Key: "lastErrorObject", Value: pairs("n", 1)}},
			[]string{"article.delete success article/" + hex},
		},
		"findAndModify that inserts": {
			findAndModify(pairs("slug", "x"), bson.E{Key: "update", Value: set("title", "x")}, bson.E{Key: "upsert", Value: true}),
			bson.D{{Key: "ok", Value: 1}, {Key: "value", Value: nil}, {Key: "lastErrorObject", Value: pairs("n", 1, "upserted", "new")}},
			[]string{"article.create success article/new", "title = STRING x"},
		},
		"findAndModify without a match": {
			findAndModify(id(1), bson.E{Key: "update", Value: set("title", "x")}),
			bson.D{{Key: "ok", Value: 1}, {Key: "value", Value: nil}, {Key: "lastErrorObject", Value: pairs("n", 0, "updatedExisting", false)}},
			nil,
		},
		"update without a match": {update(id(1), set("title", "x")), okReply(0), nil},
		"duplicate key": {
			insert(id(1)), okReply(0, bson.E{Key: "writeErrors", Value: bson.A{pairs("index", 0, "code", 11000)}}), nil,
		},
		"write concern error": {
			remove(id(1), 1), okReply(1, bson.E{Key: "writeConcernError", Value: pairs("code", 64)}),
			[]string{"article.delete unknown article/1"},
		},
		"another collection": {bson.D{{Key: "insert", Value: "carts"}, {Key: "documents", Value: bson.A{id(1)}}}, okReply(1), nil},
		"not a write":        {bson.D{{Key: "find", Value: "articles"}}, okReply(1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.run(t.Context(), tc.command, tc.reply)
			var got []string
			for _, r := range f.records() {
				got = append(got, render(r)...)
				assert.Equal(t, audit.KindSignal, r.Kind)
				assert.Equal(t, audit.ActorUnresolved, r.Actor.Type)
				assert.WithinDuration(t, time.Now(), r.Time, time.Minute)
			}
			assert.Equal(t, tc.want, got)
			assert.Empty(t, f.lost())
			assert.Zero(t, f.monitor.Stats()[0].Untracked)
			assert.Empty(t, f.log.String())
		})
	}
}

func TestMetadata(t *testing.T) {
	f := newFixture(t)
	u := append(operator("$inc", "views", 1, "other", 1, "address.n", 1), operator("$rename", "title", "body", "a", "b")...)
	f.run(t.Context(), update(id(1), u), okReply(1))
	records := f.records()
	require.Len(t, records, 1)
	assert.Equal(t, []attribute.KeyValue{
		attribute.String("db.collection.name", "articles"),
		semconv.MongoDBChangedFieldsKey.StringSlice([]string{"address.n", "body", "views"}),
		attribute.String("db.namespace", "shop"),
		attribute.String("db.operation.name", "update"),
		attribute.String("db.system.name", "mongodb"),
	}, records[0].Metadata)
	assert.Equal(t, []string{"article.update success article/1", "title = EMPTY"}, render(records[0]))
}

func TestTargetIDs(t *testing.T) {
	for want, v := range map[string]any{
		hex:                                    oid,
		"some text":                            "some text",
		"-7":                                   int32(-7),
		"9007199254740993":                     int64(9007199254740993),
		"12":                                   12.0,
		"01920000-0000-7000-8000-000000000001": uuid,
		`{"$numberDouble":"1.5"}`:              1.5,
		`{"a": {"$numberInt":"1"},"b": "x"}`:   pairs("a", int32(1), "b", "x"),
		`{"$date":{"$numberLong":"1000"}}`:     bson.DateTime(1000),
	} {
		f := newFixture(t)
		f.run(t.Context(), insert(id(v)), okReply(1))
		f.run(t.Context(), remove(id(v), 1), okReply(1))
		records := f.records()
		if assert.Len(t, records, 2, want) {
			assert.Equal(t, want, records[0].Target.ID)
			assert.Equal(t, want, records[1].Target.ID)
		}
	}
}

func TestValues(t *testing.T) {
	f := newFixture(t)
	f.run(t.Context(), update(id(1), set("address", pairs(
		"a", true, "b", int64(1)<<60, "c", bson.DateTime(1_700_000_000_123), "d", oid, "e", uuid,
		"f", bson.Binary{Data: []byte("raw")}, "g", bson.NewDecimal128(0x3040000000000000, 5), "h", bson.Regex{Pattern: "x"},
		"i", bson.A{"a", 1}, "j", bson.A{}, "k", bson.A{"a", "b"}, "l", bson.Symbol("s"), "", 1,
	))), okReply(1))
	records := f.records()
	require.Len(t, records, 1)
	assert.Equal(t, []string{
		"article.update success article/1",
		"address.a = BOOL true", "address.b = INT64 1152921504606846976",
		"address.c = STRING 2023-11-14T22:13:20.123000000Z", "address.d = STRING " + hex,
		"address.e = STRING 01920000-0000-7000-8000-000000000001", "address.f = BYTESLICE cmF3", "address.g = STRING 5",
		`address.h = STRING {"$regularExpression":{"pattern":"x","options":""}}`,
		`address.i = SLICE ["a",1]`, "address.j = SLICE []", `address.k = STRINGSLICE ["a","b"]`, "address.l = STRING s", `address."" = INT64 1`,
	}, render(records[0]))
}

func TestLargeDocuments(t *testing.T) {
	f := newFixture(t)
	big := strings.Repeat("x", 100<<10)
	many := bson.D{}
	for range 1000 {
		many = append(many, bson.E{Key: "k" + bson.NewObjectID().Hex(), Value: 1})
	}
	f.run(t.Context(), insert(pairs("_id", 1, "title", big, "items", bson.A{big}, "views", 1)), okReply(1))
	f.run(t.Context(), insert(pairs("_id", 2, "address", many)), okReply(1))
	records := f.records()
	require.Len(t, records, 2)
	slices.SortFunc(records, func(a, b *record.Record) int { return strings.Compare(a.Target.ID, b.Target.ID) }) // they were tracked at the same time
	assert.Equal(t, []string{
		"article.create success article/1", "title = STRING ***UNREPRESENTABLE:string (size)***",
		"items = STRING ***UNREPRESENTABLE:array (size)***", "views = INT64 1",
	}, render(records[0]))
	last := records[1].Changes[len(records[1].Changes)-1]
	assert.Equal(t, "*", last.Field)
	assert.Len(t, records[1].Changes, 201)
	for _, v := range []attribute.Value{records[0].Changes[0].New, last.New} {
		_, ok := record.Unrepresentable(v)
		assert.True(t, ok)
	}
	assert.Contains(t, records[0].Marks, mark.Mark{Path: "changes.title", Kind: mark.Replaced}, "the provider marks the record")
}

func TestUntracked(t *testing.T) {
	for name, tc := range map[string]struct{ command, reply bson.D }{
		"insert of several": {insert(id(1), id(2)), okReply(2)},
		"update of many":    {update(id(1), set("a", 1), bson.E{Key: "multi", Value: true}), okReply(1)},
		"delete of many":    {remove(id(1), 0), okReply(1)},
		"several updates":   {bson.D{{Key: "update", Value: "articles"}, {Key: "updates", Value: bson.A{bson.D{}, bson.D{}}}}, okReply(2)},
		"no _id":            {update(pairs("slug", "x"), set("a", 1)), okReply(1)},
		"several _ids":      {update(id(operator("$in", "x", 1)), set("a", 1)), okReply(1)},
		"a range of _ids":   {remove(id(pairs("$gte", 1, "$lte", 1)), 1), okReply(1)},
		"a pattern of _id":  {remove(id(bson.Regex{Pattern: "x"}), 1), okReply(1)},
		"no _id and a projection": {
			findAndModify(pairs("slug", "x"), bson.E{Key: "remove", Value: true}),
			bson.D{{Key: "ok", Value: 1}, {Key: "value", Value: pairs("title", "x")}},
		},
		"unacknowledged": {insert(id(1)), bson.D{{Key: "ok", Value: 1}}},
		"bulkWrite": {bson.D{
			{Key: "bulkWrite", Value: 1},
			{Key: "ops", Value: bson.A{}},
			{Key: "nsInfo", Value: bson.A{pairs("ns", "shop.carts"), pairs("ns", "shop.articles")}},
		}, okReply(2)},
		"unknown form": {bson.D{{Key: "insert", Value: "articles"}, {Key: "documents", Value: 5}}, okReply(1)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.run(t.Context(), tc.command, tc.reply)
			f.run(t.Context(), tc.command, tc.reply)
			assert.Empty(t, f.records())
			assert.Equal(t, []auditmongo.CollectionStats{{Collection: "articles", Untracked: 2}}, f.monitor.Stats())
			assert.Equal(t, 1, strings.Count(f.log.String(), "articles"), "logged once: %s", f.log.String())
		})
	}
}

func TestIntentCoversSignal(t *testing.T) {
	f := newFixture(t)
	tracker := f.recorder.Tracker("example.com/shop")
	require.NoError(t, audit.Run(t.Context(), func(ctx context.Context) error {
		for _, n := range []string{"1", "2"} {
			f.run(ctx, update(id(n), set("title", "x")), okReply(1))
		}
		return tracker.Track(ctx, audit.Event{
			Action: "article.publish", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "article", ID: "1"},
		})
	}, audit.AsActor(audit.User("42"))))
	var got []string
	for _, r := range f.recorder.Records() {
		got = append(got, r.Kind.String()+" "+r.Action+" "+r.Target.ID+" by "+r.Actor.ID)
	}
	assert.Equal(t, []string{"intent article.publish 1 by 42", "signal article.update 2 by 42"}, got, "Run waits for the signals")
}

func TestSuppressed(t *testing.T) {
	f := newFixture(t)
	f.run(audit.SuppressSignals(t.Context()), insert(id(1)), okReply(1))
	f.run(audit.SuppressSignals(t.Context()), insert(id(1), id(2)), okReply(2))
	assert.Empty(t, f.records())
	assert.Equal(t, []auditmongo.CollectionStats{{Collection: "articles"}}, f.monitor.Stats())
	assert.Empty(t, f.lost())
}

// label is a driver error with a label.
type label string

func (l label) Error() string                   { return string(l) }
func (l label) HasErrorLabel(other string) bool { return string(l) == other }

func TestFailedCommands(t *testing.T) {
	f := newFixture(t)
	f.fail(t.Context(), insert(id(1)), errors.New("rejected"))
	f.fail(t.Context(), insert(id(1)), label("NetworkError"))
	assert.Empty(t, f.records())
	assert.Equal(t, []auditmongo.CollectionStats{{Collection: "articles", Unanswered: 1}}, f.monitor.Stats())
}

func TestDatabases(t *testing.T) {
	f := newFixture(t)
	monitor, err := auditmongo.NewMonitor(f.recorder.Tracker("x"), []auditmongo.Collection{
		{Name: "articles", TargetType: "any"},
		{Name: "articles", Database: "shop", TargetType: "shop"},
		{Name: "carts", Database: "other", TargetType: "cart"},
	})
	require.NoError(t, err)
	f.finish()
	f.monitor, f.driver = monitor, monitor.CommandMonitor()
	f.run(t.Context(), insert(id(1)), okReply(1))
	f.run(t.Context(), bson.D{{Key: "insert", Value: "carts"}, {Key: "documents", Value: bson.A{id(1)}}}, okReply(1))
	raw := marshal(t, insert(id(2)))
	f.driver.Started(t.Context(), &event.CommandStartedEvent{Command: raw, CommandName: "insert", DatabaseName: "else"})
	f.driver.Succeeded(t.Context(), &event.CommandSucceededEvent{Reply: marshal(t, okReply(1)), CommandFinishedEvent: event.CommandFinishedEvent{CommandName: "insert"}})
	var got []string
	for _, r := range f.records() {
		got = append(got, r.Action)
	}
	assert.ElementsMatch(t, []string{"shop.create", "any.create"}, got)
}

func TestWithCommandMonitor(t *testing.T) {
	var seen []string
	f := newFixture(t, auditmongo.WithCommandMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) { seen = append(seen, "started "+e.CommandName) },
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			seen = append(seen, "succeeded "+e.CommandName)
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) { seen = append(seen, "failed "+e.CommandName) },
	}))
	f.run(t.Context(), insert(id(1)), okReply(1))
	f.fail(t.Context(), remove(id(1), 1), errors.New("rejected"))
	assert.Equal(t, []string{"started insert", "succeeded insert", "started delete", "failed delete"}, seen)
	assert.Len(t, f.records(), 1)
}

// gate is a Tracker that blocks until open is closed.
type gate struct {
	embedded.Tracker

	entered, open chan struct{}

	mu   sync.Mutex
	ctx  context.Context // of the last call
	lost int64
}

func (g *gate) Track(ctx context.Context, _ audit.Event) error {
	g.mu.Lock()
	g.ctx = ctx
	g.mu.Unlock()
	g.entered <- struct{}{}
	<-g.open
	return nil
}

// CountLoss implements plumbing.LossCounter.
func (g *gate) CountLoss(reason string, n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if reason == plumbing.LossMonitor {
		g.lost += n
	}
}

func (g *gate) losses() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lost
}

// tracking is how many signals the monitor tracks at the same time.
const tracking = 64

func TestFullQueue(t *testing.T) {
	f := newFixture(t)
	f.finish()
	g := &gate{entered: make(chan struct{}, 100), open: make(chan struct{})}
	f.start(g, auditmongo.WithQueueSize(2))
	for n := range tracking {
		f.run(t.Context(), insert(id(n)), okReply(1))
		<-g.entered
	}
	for n := range 3 {
		f.run(t.Context(), insert(id(n)), okReply(1))
	}
	require.Len(t, f.lost(), 1)
	lost, ok := errors.AsType[*auditmongo.LostError](f.lost()[0])
	require.True(t, ok)
	require.ErrorIs(t, lost, auditmongo.ErrQueueFull)
	assert.Equal(t, "auditmongo: the signal of the command insert on shop.articles was lost: the queue of signals is full", lost.Error())
	close(g.open)
	f.finish()
	assert.Equal(t, []auditmongo.CollectionStats{{Collection: "articles", Tracked: tracking + 2, Lost: 1}}, f.monitor.Stats())

	assert.EqualValues(t, 1, g.losses(), "the provider counts it")

	f.run(t.Context(), insert(id(1)), okReply(1))
	require.ErrorIs(t, f.lost()[1], audit.ErrShutdown)
	assert.EqualValues(t, 2, g.losses())
}

func TestShutdownTimeout(t *testing.T) {
	f := newFixture(t)
	f.finish()
	g := &gate{entered: make(chan struct{}, 100), open: make(chan struct{})}
	f.start(g)
	ctx, scope := audit.NewScope(t.Context())
	for n := range 4 { // those of a scope are tracked one after the other
		f.run(ctx, insert(id(n)), okReply(1))
	}
	<-g.entered
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.monitor.Shutdown(expired)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "3 signals were lost, and the provider may still be tracking others")
	assert.Len(t, f.lost(), 3)
	close(g.open)
	require.NoError(t, f.monitor.Shutdown(t.Context()), "the last signals are tracked")
	require.NoError(t, scope.End(t.Context()), "no signal keeps the scope open")
}

// TestScopesDoNotWaitForEachOther: an actor function that hangs holds up the signals of its
// own scope, which stay in their order, and not those of others.
func TestScopesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, auditmongo.WithQueueSize(10))
		release := make(chan struct{})
		hanging, hangingScope := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
			<-release
			return audit.User("1"), nil
		}))
		other, otherScope := audit.NewScope(t.Context(), audit.AsActor(audit.User("2")))
		for n := range 10 {
			f.run(hanging, insert(id(n)), okReply(1))
		}
		synctest.Wait()
		f.run(other, insert(id(10)), okReply(1))
		f.run(t.Context(), insert(id(11)), okReply(1))
		start := time.Now()
		require.NoError(t, otherScope.End(t.Context()))
		assert.Zero(t, time.Since(start), "its signal is held")
		close(release)
		f.finish()
		require.NoError(t, hangingScope.End(t.Context()))
		assert.Empty(t, f.lost())
		var ids []string
		for _, r := range f.recorder.Records() {
			if r.Actor.ID == "1" {
				ids = append(ids, r.Target.ID)
			}
		}
		assert.Len(t, f.recorder.Records(), 12)
		assert.Len(t, ids, 10)
		assert.True(t, slices.IsSorted(ids), "%v", ids)
	})
}

func TestTrackContext(t *testing.T) {
	f := newFixture(t)
	f.finish()
	g := &gate{entered: make(chan struct{}, 1), open: make(chan struct{})}
	close(g.open)
	f.start(g)
	ctx, cancel := context.WithCancel(mongo.NewSessionContext(t.Context(), &mongo.Session{}))
	cancel()
	f.run(ctx, insert(id(1)), okReply(1))
	f.finish()
	assert.Nil(t, mongo.SessionFromContext(g.ctx))
	assert.NoError(t, g.ctx.Err())
}

func TestTrackFails(t *testing.T) {
	f := newFixture(t)
	f.finish()
	f.start(audit.GetTrackerProvider().Tracker("x")) // no provider is set
	f.run(t.Context(), insert(id(1)), okReply(1))
	f.finish()
	require.Len(t, f.lost(), 1)
	require.ErrorIs(t, f.lost()[0], audit.ErrNoProvider)
}

func TestInvalidConfiguration(t *testing.T) {
	_, err := auditmongo.NewMonitor(nil, []auditmongo.Collection{
		{Name: "a", TargetType: "a"},
		{Name: "a", TargetType: "a"},
		{TargetType: "b"},
		{Name: "c", TargetType: "C!"},
		{Name: "d", TargetType: "d", Fields: map[string]diff.Rule{"": 1, "a..b": 1, "x": 9, "a.0": 1}},
	}, auditmongo.WithQueueSize(0), auditmongo.WithLogger(nil), auditmongo.WithCommandMonitor(nil))
	require.Error(t, err)
	for _, part := range []string{
		"the tracker is nil", `collection 1, "a": duplicate Database and Name`, `collection 2, "": the name is empty`,
		`collection 3, "c": TargetType "C!" yields the invalid action "C!.create"`, `the field path ""`, `the field path "a..b"`,
		`the rule of field "x"`, `the field path "a.0"`, "WithQueueSize", "WithLogger", "WithCommandMonitor",
	} {
		require.ErrorContains(t, err, part)
	}
	_, err = auditmongo.NewMonitor(audit.GetTrackerProvider().Tracker("x"), nil)
	require.ErrorContains(t, err, "no collections")
}
