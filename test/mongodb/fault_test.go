package mongodb_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/test/mongoserver"
	"github.com/opendeed/audit/test/workload"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// service is a workload whose exporter stores in a collection.
type service struct {
	*workload.Workload
	t        *testing.T
	exporter *mongodb.Exporter
}

func newService(t *testing.T, coll *mongo.Collection, opts ...sdk.ExportOption) *service {
	t.Helper()
	e, err := mongodb.New(t.Context(), coll, mongodb.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	return &service{
		Workload: workload.Start(t, e, articleUpdate, append(opts, sdk.WithBatchSize(50))...),
		t:        t, exporter: e,
	}
}

// articleUpdate returns the event with number n.
func articleUpdate(n int64) audit.Event {
	return audit.Event{
		Action: "article.update", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "article", ID: fmt.Sprint(n)}, Reason: strings.Repeat("x", 300),
	}
}

// waitForDocuments waits until the collection has n documents. A server that shares two
// processors with other tests may need most of a minute for what has waited for it.
func waitForDocuments(t *testing.T, coll *mongo.Collection, n int64) {
	t.Helper()
	var got int64
	var err error
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if got, err = coll.CountDocuments(t.Context(), bson.D{}); err == nil && got >= n {
			return
		}
	}
	require.Fail(t, "documents are missing", "%d of %d are there: %v", got, n, err)
}

// settle finishes the workload and requires that each acknowledged event is there exactly once: in
// the collection or among the dead letters, whose reasons it returns.
func (s *service) settle(coll *mongo.Collection) (reasons []string) {
	s.t.Helper()
	acknowledged, letters := s.Finish()
	got := map[audit.ID]int{}
	for _, r := range stored(s.t, coll) {
		got[r.ID]++
	}
	for _, letter := range letters {
		got[letter.Record.ID]++
		reasons = append(reasons, letter.Reason)
	}
	assert.Len(s.t, got, len(acknowledged))
	for id := range acknowledged {
		assert.Equal(s.t, 1, got[id], id)
	}
	return reasons
}

func TestServerDownAtStart(t *testing.T) {
	t.Parallel()
	server := mongoserver.Start(t)
	server.Kill()
	coll := newCollection(t, connect(t, server.URI()+"&serverSelectionTimeoutMS=500"))
	start := time.Now()
	s := newService(t, coll)
	assert.Less(t, time.Since(start), 20*time.Second)
	s.Track(100)
	require.NoError(t, server.Run())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, s.exporter.WaitForIndexes(ctx), "Shutdown would stop the creation of indexes")
	assert.Empty(t, s.settle(coll))
	specs, err := coll.Indexes().ListSpecifications(t.Context())
	require.NoError(t, err)
	assert.Greater(t, len(specs), 1, "the indexes are created once the server is up")
}

func TestOutage(t *testing.T) {
	t.Parallel()
	outage := 30 * time.Second
	if testing.Short() {
		outage = 2 * time.Second
	}
	server := mongoserver.Start(t)
	coll := newCollection(t, connect(t, server.URI()))
	s := newService(t, coll)
	s.TrackDuring(func() {
		waitForDocuments(t, coll, 50)
		server.Kill()
		time.Sleep(outage)
		assert.NoError(t, server.Run())
	})
	assert.Empty(t, s.settle(coll))
}

func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	server := mongoserver.Start(t)
	coll := newCollection(t, connect(t, server.URI()))
	s := newService(t, coll)
	s.TrackDuring(func() {
		for round := range 10 {
			before := s.Last.Load()
			waitForDocuments(t, coll, before)
			time.Sleep(time.Duration(round) * 7 * time.Millisecond)
			server.Kill()
			assert.NoError(t, server.Run())
		}
	})
	assert.Empty(t, s.settle(coll))
}

func TestNetworkFaults(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{"drop": drop, "stall": stall, "cut reply": cutReply, "slow": slow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mongoserver.Start(t)
			direct := newCollection(t, connect(t, server.URI()))
			p := newProxy(t, server.Address())
			proxied := connect(t, p.uri()).Database(direct.Database().Name()).Collection(direct.Name())
			s := newService(t, proxied, sdk.WithExportTimeout(2*time.Second))
			s.TrackDuring(func() {
				waitForDocuments(t, direct, 50)
				p.set(f)
				switch f {
				case cutReply:
					require.Eventually(t, func() bool { return p.cuts.Load() >= 3 }, 20*time.Second, time.Millisecond)
				case slow:
					waitForDocuments(t, direct, s.Last.Load())
				default:
					time.Sleep(3 * time.Second)
				}
				p.set(forward)
			})
			assert.Empty(t, s.settle(direct))
		})
	}
}

// TestPoolExhausted exports while the application uses the only connection.
func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	server := mongoserver.Start(t)
	direct := newCollection(t, connect(t, server.URI()))
	p := newProxy(t, server.Address())
	client := connect(t, p.uri(), options.Client().SetMaxPoolSize(1))
	proxied := client.Database(direct.Database().Name()).Collection(direct.Name())
	s := newService(t, proxied, sdk.WithExportTimeout(2*time.Second))
	s.Track(20)
	waitForDocuments(t, direct, 20)

	p.set(stall)
	pinged := make(chan error, 1)
	go func() { pinged <- client.Ping(t.Context(), nil) }()
	time.Sleep(50 * time.Millisecond)
	s.Track(100)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Error(t, s.Provider.ForceFlush(ctx), "no export succeeds")
	p.set(forward)
	<-pinged
	assert.Empty(t, s.settle(direct))
}

// TestOneRecordIsRejected checks that only the one record that a unique index rejects becomes a
// dead letter.
func TestOneRecordIsRejected(t *testing.T) {
	t.Parallel()
	coll := newCollection(t, connect(t, serverURI))
	_, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys: bson.D{{Key: "target.id", Value: 1}}, Options: options.Index().SetUnique(true),
	})
	require.NoError(t, err)
	s := newService(t, coll)
	s.Track(250)
	s.Last.Store(100)
	s.Track(1) // repeats the number 101
	s.Last.Store(250)
	s.Track(250)
	reasons := s.settle(coll)
	require.Len(t, reasons, 1)
	assert.Contains(t, reasons[0], "unique index")
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	uri := strings.Replace(serverURI, "mongodb://", "mongodb://nobody:hunter2@", 1)
	_, err := mongodb.New(t.Context(), newCollection(t, connect(t, uri)))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
	var wrong *mongodb.IndexError
	assert.ErrorAs(t, err, &wrong)
}
