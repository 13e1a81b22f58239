package mongodb_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/exporters/mongodb"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// monitored returns a collection whose client has a monitor, and the monitor.
func monitored(t *testing.T, tracker audit.Tracker, opts ...*options.ClientOptions) (*mongo.Collection, *auditmongo.Monitor) {
	t.Helper()
	const name = "articles"
	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
		Name: name, TargetType: "article",
		Fields: map[string]diff.Rule{"title": diff.Tracked, "body": diff.Sensitive},
	}},
		auditmongo.WithErrorHandler(func(_ context.Context, err error) { t.Error(err) }),
		auditmongo.WithLogger(slog.New(slog.DiscardHandler)),
	)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, monitor.Shutdown(context.Background())) })
	client := connect(t, serverURI, append(opts, options.Client().SetMonitor(monitor.CommandMonitor()))...)
	database := client.Database("opendeed_test_" + bson.NewObjectID().Hex())
	t.Cleanup(func() { _ = database.Drop(context.Background()) })
	return database.Collection(name), monitor
}

func set(kv ...string) bson.D {
	var d bson.D
	for i := 0; i < len(kv); i += 2 {
		d = append(d, bson.E{Key: kv[i], Value: kv[i+1]})
	}
	return bson.D{{Key: "$set", Value: d}}
}

func byID(id any) bson.D { return bson.D{{Key: "_id", Value: id}} }

type document struct {
	ID    string `bson:"_id"`
	Title string `bson:"title"`
	Body  string `bson:"body"`
	Notes string `bson:"notes"`
}

// TestSignals checks the signals of each kind of write of the driver, on a real server.
func TestSignals(t *testing.T) {
	const hello, changed = "title: EMPTY -> Hello", "title: EMPTY -> New"
	const masked = "body: EMPTY -> ***REDACTED***"
	article := document{ID: "1", Title: "Hello", Body: "text", Notes: "mine"}
	for name, tc := range map[string]struct {
		write     func(ctx context.Context, c *mongo.Collection) error
		want      []string
		untracked uint64
	}{
		"InsertOne": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.InsertOne(ctx, document{ID: "2", Title: "Hello", Body: "text"})
			return err
		}, []string{"article.create 2", hello, masked}, 0},
		"InsertOne of an existing document": {func(ctx context.Context, c *mongo.Collection) error {
			if _, err := c.InsertOne(ctx, article); !mongo.IsDuplicateKeyError(err) {
				return errors.New("the document was inserted")
			}
			return nil
		}, nil, 0},
		"UpdateByID": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.UpdateByID(ctx, "1", set("title", "New", "notes", "x"))
			return err
		}, []string{"article.update 1", changed}, 0},
		"UpdateOne without a match": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.UpdateOne(ctx, byID("none"), set("title", "New"))
			return err
		}, nil, 0},
		"UpdateOne that inserts": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.UpdateOne(ctx, byID("3"), set("title", "New"), options.UpdateOne().SetUpsert(true))
			return err
		}, []string{"article.create 3", changed}, 0},
		"UpdateOne by a title": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.UpdateOne(ctx, bson.D{{Key: "title", Value: "Hello"}}, set("title", "New"))
			return err
		}, nil, 1},
		"ReplaceOne": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.ReplaceOne(ctx, byID("1"), bson.D{{Key: "title", Value: "New"}, {Key: "body", Value: "secret"}})
			return err
		}, []string{"article.update 1", changed, masked}, 0},
		"DeleteOne": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.DeleteOne(ctx, byID("1"))
			return err
		}, []string{"article.delete 1"}, 0},
		"FindOneAndUpdate by a title": {func(ctx context.Context, c *mongo.Collection) error {
			return c.FindOneAndUpdate(ctx, bson.D{{Key: "title", Value: "Hello"}}, set("title", "New")).Err()
		}, []string{"article.update 1", changed}, 0},
		"FindOneAndReplace": {func(ctx context.Context, c *mongo.Collection) error {
			return c.FindOneAndReplace(ctx, byID("1"), bson.D{{Key: "title", Value: "New"}}).Err()
		}, []string{"article.update 1", changed}, 0},
		"FindOneAndDelete": {func(ctx context.Context, c *mongo.Collection) error {
			return c.FindOneAndDelete(ctx, byID("1")).Err()
		}, []string{"article.delete 1"}, 0},
		"FindOneAndDelete without a match": {func(ctx context.Context, c *mongo.Collection) error {
			if err := c.FindOneAndDelete(ctx, byID("none")).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
				return errors.New("a document was deleted")
			}
			return nil
		}, nil, 0},
		"BulkWrite of one": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewDeleteOneModel().SetFilter(byID("1"))})
			return err
		}, []string{"article.delete 1"}, 0},
		"InsertMany": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.InsertMany(ctx, []document{{ID: "4"}, {ID: "5"}})
			return err
		}, nil, 1},
		"UpdateMany": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.UpdateMany(ctx, bson.D{}, set("title", "New"))
			return err
		}, nil, 1},
		"DeleteMany": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.DeleteMany(ctx, bson.D{})
			return err
		}, nil, 1},
		"another collection": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.Database().Collection("carts").InsertOne(ctx, article)
			return err
		}, nil, 0},
		"suppressed": {func(ctx context.Context, c *mongo.Collection) error {
			_, err := c.DeleteOne(audit.SuppressSignals(ctx), byID("1"))
			return err
		}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := audittest.NewRecorder(t)
			tracker := recorder.Tracker("example.com/shop")
			coll, monitor := monitored(t, tracker)
			_, err := coll.InsertOne(audit.SuppressSignals(t.Context()), article)
			require.NoError(t, err)

			// No intent covers the signals.
			require.NoError(t, audit.Run(t.Context(), func(ctx context.Context) error {
				return tc.write(ctx, coll)
			}, audit.AsActor(audit.User("42"))))
			var got []string
			for _, r := range recorder.Records() {
				assert.Equal(t, audit.KindSignal, r.Kind)
				assert.Equal(t, audit.OutcomeSuccess, r.Outcome)
				assert.Equal(t, "42", r.Actor.ID)
				got = append(got, r.Action+" "+r.Target.ID)
				for _, c := range r.Changes {
					got = append(got, c.Field+": EMPTY -> "+c.New.String())
				}
			}
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.untracked, monitor.Stats()[0].Untracked)
		})
	}
}

func TestSignalIsCovered(t *testing.T) {
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("example.com/shop")
	coll, _ := monitored(t, tracker)
	require.NoError(t, audit.Run(t.Context(), func(ctx context.Context) error {
		for _, id := range []string{"1", "2"} {
			if _, err := coll.InsertOne(ctx, document{ID: id, Title: "Hello"}); err != nil {
				return err
			}
		}
		return tracker.Track(ctx, audit.Event{
			Action: "article.submit", Operation: audit.OperationCreate, Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "article", ID: "1"},
		})
	}, audit.AsActor(audit.User("42"))))
	var got []string
	for _, r := range recorder.Records() {
		got = append(got, r.Kind.String()+" "+r.Action+" "+r.Target.ID)
	}
	assert.Equal(t, []string{"intent article.submit 1", "signal article.create 2"}, got)
}

// TestOneConnection stores the trail through the monitored client, which has one connection. A
// monitor that waited for its provider would deadlock.
func TestOneConnection(t *testing.T) {
	// The trail is opted in too, by mistake. Its writes raise no signals all the same.
	late := &lateTracker{ready: make(chan struct{})}
	monitor, err := auditmongo.NewMonitor(late, []auditmongo.Collection{
		{Name: "articles", TargetType: "article"}, {Name: "audit", TargetType: "audit"},
	}, auditmongo.WithErrorHandler(func(_ context.Context, err error) { t.Error(err) }))
	require.NoError(t, err)
	client := connect(t, serverURI, options.Client().SetMaxPoolSize(1).SetMonitor(monitor.CommandMonitor()))
	database := client.Database("opendeed_test_" + bson.NewObjectID().Hex())
	t.Cleanup(func() { _ = database.Drop(context.Background()) })
	trail := database.Collection("audit")

	exporter, err := mongodb.New(t.Context(), trail)
	require.NoError(t, err)
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(exporter))
	require.NoError(t, err)
	late.Tracker = provider.Tracker("example.com/shop")
	close(late.ready)

	const writers, each = 8, 25
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := range each {
				// Outside a scope each signal is recorded at once.
				_, err := database.Collection("articles").InsertOne(t.Context(), byID(strconv.Itoa(w*each+n)))
				assert.NoError(t, err)
			}
		})
	}
	running.Wait()
	require.NoError(t, monitor.Shutdown(t.Context()))
	require.NoError(t, provider.Shutdown(t.Context()))
	seen := map[string]bool{}
	for _, r := range stored(t, trail) {
		assert.Equal(t, "article.create", r.Action)
		assert.Equal(t, audit.ActorUnresolved, r.Actor.Type)
		seen[r.Target.ID] = true
	}
	assert.Len(t, seen, writers*each)
	assert.Len(t, stored(t, trail), writers*each, "none is stored twice")
}

// lateTracker is a tracker that exists before its provider: the provider needs the client, which
// needs the monitor, which needs a tracker.
type lateTracker struct {
	audit.Tracker // set before ready is closed

	ready chan struct{}
}

func (l *lateTracker) Track(ctx context.Context, e audit.Event) error {
	<-l.ready
	return l.Tracker.Track(ctx, e)
}

// TestSignalsOfTransaction checks the signals of transactions with a server that confirms every
// command. TestSignalsOfRealTransaction does the same with a real MongoDB.
func TestSignalsOfTransaction(t *testing.T) {
	recorder := audittest.NewRecorder(t)
	monitor, err := auditmongo.NewMonitor(recorder.Tracker("example.com/shop"), []auditmongo.Collection{{Name: "articles", TargetType: "article"}})
	require.NoError(t, err)
	client := connect(t, newFakeServer(t).uri(), options.Client().SetMonitor(monitor.CommandMonitor()))
	requireTransactionSignals(t, client.Database("shop").Collection("articles"), recorder, monitor)
}

func TestSignalsOfRealTransaction(t *testing.T) {
	needsMongoDB(t)
	recorder := audittest.NewRecorder(t)
	coll, monitor := monitored(t, recorder.Tracker("example.com/shop"))
	requireTransactionSignals(t, coll, recorder, monitor)
}

func requireTransactionSignals(t *testing.T, coll *mongo.Collection, recorder *audittest.Recorder, monitor *auditmongo.Monitor) {
	t.Helper()
	rollback := errors.New("rollback")
	for i, failure := range []error{nil, rollback, nil} {
		err := inTransaction(t, coll.Database().Client(), func(ctx context.Context) error {
			_, err := coll.InsertOne(ctx, byID(strconv.Itoa(i)))
			assert.Empty(t, recorder.Records()[min(i, len(recorder.Records())):], "the transaction is not committed")
			return errors.Join(err, failure)
		})
		require.ErrorIs(t, err, failure)
	}
	require.NoError(t, monitor.Shutdown(t.Context()))
	var got []string
	for _, r := range recorder.Records() {
		got = append(got, r.Action+" "+r.Target.ID)
	}
	assert.ElementsMatch(t, []string{"article.create 0", "article.create 2"}, got, "in any order: without a scope, signals are tracked at the same time")
}
