package everywhere_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.opentelemetry.io/otel/attribute"
)

type article struct {
	ID    string `bson:"_id"`
	Title string `bson:"title" audit:"title"`
}

const oldTitle, newTitle = "Old", "New"

// store is the data layer. It raises a signal for each update.
type store interface {
	Get(ctx context.Context, id string) (article, error)
	Update(ctx context.Context, a article) error
	// writtenIDs returns the id of each article that was written, once for each write.
	writtenIDs(t *testing.T) []string
	close(t *testing.T)
}

// memory is a store in memory, which tracks its signals itself.
type memory struct {
	tracker audit.Tracker
	mu      sync.Mutex
	byID    map[string]article
	writes  []string
}

func newMemory(tracker audit.Tracker, ids ...string) *memory {
	m := &memory{tracker: tracker, byID: map[string]article{}}
	for _, id := range ids {
		m.byID[id] = article{ID: id, Title: oldTitle}
	}
	return m
}

func (m *memory) Get(ctx context.Context, id string) (article, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, found := m.byID[id]
	if !found {
		return a, fs.ErrNotExist
	}
	return a, ctx.Err()
}

func (m *memory) Update(ctx context.Context, a article) error {
	k := taskFromContext(ctx)
	if err := k.beforeWrite(ctx, a.ID); err != nil {
		return err
	}
	m.mu.Lock()
	m.byID[a.ID] = a
	m.writes = append(m.writes, a.ID)
	m.mu.Unlock()
	if k.behavior != leavesNoTrace {
		err := m.tracker.Track(ctx, audit.Event{
			Kind: audit.KindSignal, Action: "article.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
			Target:  audit.Target{Type: "article", ID: a.ID},
			Changes: []audit.Change{{Field: "title", New: attribute.StringValue(a.Title)}},
		})
		if err != nil {
			return err
		}
	}
	k.afterWrite(a.ID)
	return nil
}

// transact calls f, and undoes what it wrote if f fails, panics or is canceled.
func (m *memory) transact(ctx context.Context, f func() error) error {
	m.mu.Lock()
	byID, writes := maps.Clone(m.byID), len(m.writes)
	m.mu.Unlock()
	committed := false
	defer func() {
		if !committed {
			m.mu.Lock()
			m.byID, m.writes = byID, m.writes[:writes]
			m.mu.Unlock()
		}
	}()
	err := errors.Join(f(), ctx.Err())
	committed = err == nil
	return err
}

func (m *memory) writtenIDs(*testing.T) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.writes...)
}

func (*memory) close(*testing.T) {}

// driver is a store on MongoDB. The monitor raises its signals.
type driver struct {
	client   *mongo.Client
	articles *mongo.Collection
	monitor  *auditmongo.Monitor
}

func newDriver(t *testing.T, tracker audit.Tracker, ids ...string) *driver {
	t.Helper()
	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
		Name: "articles", TargetType: "article", Fields: map[string]diff.Rule{"title": diff.Tracked},
	}},
		auditmongo.WithErrorHandler(func(_ context.Context, err error) { t.Error(err) }),
		auditmongo.WithLogger(slog.New(slog.DiscardHandler)),
	)
	require.NoError(t, err)
	client, err := mongo.Connect(options.Client().ApplyURI(serverURI).SetServerSelectionTimeout(5 * time.Second).
		SetMonitor(monitor.CommandMonitor()))
	require.NoError(t, err)
	d := &driver{client: client, articles: client.Database("opendeed_test_" + bson.NewObjectID().Hex()).Collection("articles"), monitor: monitor}
	for _, id := range ids {
		_, err := d.articles.InsertOne(audit.SuppressSignals(t.Context()), article{ID: id, Title: oldTitle})
		require.NoError(t, err)
	}
	return d
}

func (d *driver) Get(ctx context.Context, id string) (a article, err error) {
	err = d.articles.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&a)
	return a, err
}

// Update uses UpdateByID, or UpdateMany, which raises no signal, for leavesNoTrace.
func (d *driver) Update(ctx context.Context, a article) error {
	return d.write(ctx, a.ID, func(ctx context.Context, update bson.D) error {
		var err error
		if taskFromContext(ctx).behavior == leavesNoTrace {
			_, err = d.articles.UpdateMany(ctx, bson.D{{Key: "_id", Value: a.ID}}, update)
		} else {
			_, err = d.articles.UpdateByID(ctx, a.ID, update)
		}
		return err
	})
}

// UpdateAll updates all articles with the title in one statement.
func (d *driver) UpdateAll(ctx context.Context, title string) (n int64, err error) {
	err = d.write(ctx, taskFromContext(ctx).id, func(ctx context.Context, update bson.D) error {
		result, err := d.articles.UpdateMany(ctx, bson.D{{Key: "title", Value: title}}, update)
		if err == nil {
			n = result.ModifiedCount
		}
		return err
	})
	return n, err
}

// write sends an update. For failsToWrite it uses an invalid operator, which the server
// rejects. If ctx is canceled, the driver itself returns the error.
func (d *driver) write(ctx context.Context, id string, send func(context.Context, bson.D) error) error {
	k, operator := taskFromContext(ctx), "$set"
	if err := k.beforeWrite(ctx, id); k.behavior == failsToWrite {
		operator = "$none"
	} else if err != nil && ctx.Err() == nil {
		return err
	}
	if err := send(ctx, bson.D{{Key: operator, Value: bson.D{{Key: "title", Value: newTitle}}}}); err != nil {
		return err
	}
	k.afterWrite(id)
	return nil
}

func (d *driver) writtenIDs(t *testing.T) (ids []string) {
	t.Helper()
	found, err := d.articles.Find(t.Context(), bson.D{{Key: "title", Value: newTitle}})
	require.NoError(t, err)
	var all []article
	require.NoError(t, found.All(t.Context(), &all))
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	return ids
}

func (d *driver) close(t *testing.T) {
	t.Helper()
	assert.NoError(t, d.articles.Database().Drop(t.Context()))
	assert.NoError(t, d.client.Disconnect(t.Context()))
}
