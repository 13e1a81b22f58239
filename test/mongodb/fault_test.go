package mongodb_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/test/mongoserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// service tracks events into a ledger that is exported to a collection.
type service struct {
	t        *testing.T
	exporter *mongodb.Exporter
	provider *sdk.TrackerProvider
	tracker  audit.Tracker
	tracked  atomic.Int64
	load     sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[audit.ID]bool
}

func newService(t *testing.T, coll *mongo.Collection) *service {
	t.Helper()
	s := &service{t: t, acknowledged: map[audit.ID]bool{}}
	quiet := slog.New(slog.DiscardHandler)
	e, err := mongodb.New(t.Context(), coll, mongodb.WithLogger(quiet))
	require.NoError(t, err)
	s.exporter = e
	s.provider, err = sdk.NewTrackerProvider(sdk.WithLogger(quiet), sdk.WithLedger(filepath.Join(t.TempDir(), "ledger"), sdk.ExportTo(e, sdk.WithBatchInterval(5*time.Millisecond), sdk.WithBatchSize(50), sdk.WithBackoff(5*time.Millisecond), sdk.WithExportTimeout(2*time.Second))))
	require.NoError(t, err)
	s.tracker = s.provider.Tracker("test")
	t.Cleanup(func() { // only what a failed test has left
		s.load.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.provider.Shutdown(ctx)
	})
	return s
}

// track tracks n events, which the ledger takes whatever the server does.
func (s *service) track(n int) {
	for range n {
		e := audit.Event{
			ID: audit.NewID(), Action: "article.update", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess,
			Target: audit.Target{Type: "article", ID: fmt.Sprint(s.tracked.Add(1))}, Reason: strings.Repeat("x", 300),
		}
		if assert.NoError(s.t, s.tracker.Track(s.t.Context(), e)) {
			s.mu.Lock()
			s.acknowledged[e.ID] = true
			s.mu.Unlock()
		}
	}
}

// underLoad tracks events all the time while f runs.
func (s *service) underLoad(f func()) {
	over := make(chan struct{})
	s.load.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
				s.track(3)
			}
		}
	})
	defer s.load.Wait()
	defer close(over)
	f()
}

// exported waits until the collection has so many documents.
func (s *service) exported(coll *mongo.Collection, n int64) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		got, err := coll.CountDocuments(s.t.Context(), bson.D{})
		return err == nil && got >= n
	}, 20*time.Second, 50*time.Millisecond)
}

// settle has everything delivered, and demands each acknowledged event exactly once: in
// the collection, or among the dead letters, of which it returns the reasons.
func (s *service) settle(coll *mongo.Collection) (reasons []string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	require.NoError(s.t, s.provider.ForceFlush(ctx))
	got := map[audit.ID]int{}
	for _, r := range stored(s.t, coll) {
		got[r.ID]++
	}
	for letter, err := range s.provider.DeadLetters(ctx) {
		require.NoError(s.t, err)
		require.NotNil(s.t, letter.Record)
		got[letter.Record.ID]++
		reasons = append(reasons, letter.Reason)
	}
	require.NoError(s.t, s.provider.Shutdown(ctx))
	require.NotEmpty(s.t, s.acknowledged)
	assert.Len(s.t, got, len(s.acknowledged))
	for id := range s.acknowledged {
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
	s.track(100)
	require.NoError(t, server.Run())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, s.exporter.WaitForIndexes(ctx), "shutting down would end the making of indexes")
	assert.Empty(t, s.settle(coll))
	specs, err := coll.Indexes().ListSpecifications(t.Context())
	require.NoError(t, err)
	assert.Greater(t, len(specs), 1, "the indexes are made later")
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
	s.underLoad(func() {
		s.exported(coll, 50)
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
	s.underLoad(func() {
		for round := range 10 {
			before := s.tracked.Load()
			s.exported(coll, before)
			time.Sleep(time.Duration(round) * 7 * time.Millisecond)
			server.Kill()
			assert.NoError(t, server.Run())
		}
	})
	assert.Empty(t, s.settle(coll))
}

func TestFaultsOfTheNetwork(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{"drop": drop, "stall": stall, "cut reply": cutReply, "slow": slow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mongoserver.Start(t)
			direct := newCollection(t, connect(t, server.URI()))
			p := newProxy(t, server.Address())
			through := connect(t, p.uri()).Database(direct.Database().Name()).Collection(direct.Name())
			s := newService(t, through)
			s.underLoad(func() {
				s.exported(direct, 50)
				p.be(f)
				switch f {
				case cutReply:
					require.Eventually(t, func() bool { return p.cuts.Load() >= 3 }, 20*time.Second, time.Millisecond)
				case slow:
					s.exported(direct, s.tracked.Load())
				default:
					time.Sleep(3 * time.Second)
				}
				p.be(passOn)
			})
			assert.Empty(t, s.settle(direct))
		})
	}
}

// TestPoolIsFull has the application hold the only connection for a while.
func TestPoolIsFull(t *testing.T) {
	t.Parallel()
	server := mongoserver.Start(t)
	direct := newCollection(t, connect(t, server.URI()))
	p := newProxy(t, server.Address())
	client := connect(t, p.uri(), options.Client().SetMaxPoolSize(1))
	through := client.Database(direct.Database().Name()).Collection(direct.Name())
	s := newService(t, through)
	s.track(20)
	s.exported(direct, 20)

	p.be(stall)
	answered := make(chan error, 1)
	go func() { answered <- client.Ping(t.Context(), nil) }()
	time.Sleep(50 * time.Millisecond)
	s.track(100)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Error(t, s.provider.ForceFlush(ctx), "nothing gets through")
	p.be(passOn)
	<-answered
	assert.Empty(t, s.settle(direct))
}

// TestOneIsRefused has a record in the middle of others go to the dead letters.
func TestOneIsRefused(t *testing.T) {
	t.Parallel()
	coll := newCollection(t, connect(t, serverURI))
	_, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys: bson.D{{Key: "target.id", Value: 1}}, Options: options.Index().SetUnique(true),
	})
	require.NoError(t, err)
	s := newService(t, coll)
	s.track(250)
	s.tracked.Store(100)
	s.track(1) // the number 101 again
	s.tracked.Store(250)
	s.track(250)
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
