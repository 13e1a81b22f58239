package mongodb_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/test/mongoserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// stored returns the records in a collection, sorted by ID.
func stored(t testing.TB, coll *mongo.Collection) []*record.Record {
	t.Helper()
	cursor, err := coll.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	require.NoError(t, err)
	var records []*record.Record
	for cursor.Next(t.Context()) {
		r, err := mongodb.Unmarshal(cursor.Current)
		require.NoError(t, err)
		records = append(records, r)
	}
	require.NoError(t, cursor.Err())
	return records
}

func TestConformance(t *testing.T) {
	client := connect(t, serverURI)
	var coll *mongo.Collection
	exporttest.Run(t,
		func(t *testing.T) export.Exporter {
			coll = newCollection(t, client)
			e, err := mongodb.New(t.Context(), coll)
			require.NoError(t, err)
			return e
		},
		func(t *testing.T) []*record.Record { return stored(t, coll) },
	)
}

// newExporter returns an exporter that is shut down at the end of the test.
func newExporter(t testing.TB, coll *mongo.Collection, opts ...mongodb.Option) *mongodb.Exporter {
	t.Helper()
	e, err := mongodb.New(t.Context(), coll, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Shutdown(context.Background())) })
	return e
}

func TestRepetitionsAndConflicts(t *testing.T) {
	coll := newCollection(t, connect(t, serverURI))
	e := newExporter(t, coll)
	records := exporttest.OddRecords()[:4]
	require.NoError(t, e.Export(t.Context(), records[:3]))

	again := records[0].Clone()
	again.ObservedTime = again.ObservedTime.Add(time.Minute)
	again.Time = again.ObservedTime // as if the SDK had assigned the time
	again.TraceID[0] = 9
	other := records[1].Clone()
	other.Reason = "something else"
	err := e.Export(t.Context(), []*record.Record{again, other, records[2], records[3], records[3]})
	var partial *export.PartialError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Rejected, 1)
	var conflict *mongodb.ConflictError
	require.ErrorAs(t, partial.Rejected[1], &conflict)
	assert.Equal(t, other.ID, conflict.ID)
	assert.True(t, export.IsPermanent(partial.Rejected[1]), "it becomes a dead letter")
	assert.NotContains(t, err.Error(), "something else")

	all := stored(t, coll)
	require.Len(t, all, 4)
	for i, r := range all {
		require.NoError(t, exporttest.Equal(records[i], r), "the first record of an ID stays")
	}

	_, err = coll.DeleteOne(t.Context(), bson.D{{Key: "_id", Value: bson.Binary{Subtype: 4, Data: records[0].ID[:]}}})
	require.NoError(t, err)
	_, err = coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: bson.Binary{Subtype: 4, Data: records[0].ID[:]}}})
	require.NoError(t, err)
	require.ErrorAs(t, e.Export(t.Context(), records[:1]), &conflict, "the stored document is no record")
}

func TestRejectedBeforeSending(t *testing.T) {
	coll := newCollection(t, connect(t, serverURI))
	e := newExporter(t, coll)
	records := exporttest.OddRecords()[:3]
	records[1] = records[1].Clone()
	records[1].Changes = []audit.Change{{Field: strings.Repeat("x", 16<<20)}}
	var partial *export.PartialError
	require.ErrorAs(t, e.Export(t.Context(), records), &partial)
	require.Len(t, partial.Rejected, 1)
	require.ErrorContains(t, partial.Rejected[1], "16 MiB")
	assert.True(t, export.IsPermanent(partial.Rejected[1]))
	assert.Len(t, stored(t, coll), 2)
}

// TestRejectedByServer checks that a unique index of the application rejects one record and not
// the 500 others in its batch.
func TestRejectedByServer(t *testing.T) {
	coll := newCollection(t, connect(t, serverURI))
	e := newExporter(t, coll)
	require.NoError(t, e.WaitForIndexes(t.Context()))
	_, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys: bson.D{{Key: "reason", Value: 1}}, Options: options.Index().SetUnique(true),
	})
	require.NoError(t, err)
	records := make([]*record.Record, 501)
	for i := range records {
		records[i] = exporttest.OddRecords()[0]
		records[i].ID[15], records[i].ID[14] = byte(i), byte(i>>8)
		records[i].Reason = strconv.Itoa(i)
	}
	records[250].Reason = "7"
	var partial *export.PartialError
	require.ErrorAs(t, e.Export(t.Context(), records), &partial)
	require.Len(t, partial.Rejected, 1)
	require.ErrorContains(t, partial.Rejected[250], "unique index")
	assert.True(t, export.IsPermanent(partial.Rejected[250]))
	assert.Len(t, stored(t, coll), 500)
}

func TestIndexes(t *testing.T) {
	coll := newCollection(t, connect(t, serverURI))
	names := func() []string {
		specs, err := coll.Indexes().ListSpecifications(t.Context())
		require.NoError(t, err)
		var names []string
		for _, s := range specs {
			names = append(names, s.Name)
		}
		slices.Sort(names)
		return names
	}
	_, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys: bson.D{{Key: "trace_id", Value: 1}}, Options: options.Index().SetName("mine"),
	})
	require.NoError(t, err)
	want := []string{"_id_", "audit_action", "audit_actor", "audit_attempt", "audit_covers", "audit_metadata", "audit_target", "audit_tenant", "audit_time", "mine"}
	require.NoError(t, newExporter(t, coll).WaitForIndexes(t.Context()))
	assert.Equal(t, want, names(), "an existing index with the same keys is used")
	require.NoError(t, newExporter(t, coll).WaitForIndexes(t.Context()))
	assert.Equal(t, want, names(), "a second exporter creates no index")

	bare := newCollection(t, coll.Database().Client())
	require.NoError(t, newExporter(t, bare, mongodb.WithoutIndexes()).Export(t.Context(), exporttest.OddRecords()[:1]))
	specs, err := bare.Indexes().ListSpecifications(t.Context())
	require.NoError(t, err)
	assert.Len(t, specs, 1)
}

func TestConflictingIndexes(t *testing.T) {
	client := connect(t, serverURI)
	t.Run("the same name, other keys", func(t *testing.T) {
		coll := newCollection(t, client)
		_, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
			Keys: bson.D{{Key: "when", Value: 1}}, Options: options.Index().SetName("audit_time"),
		})
		require.NoError(t, err)
		_, err = mongodb.New(t.Context(), coll)
		var wrong *mongodb.IndexError
		require.ErrorAs(t, err, &wrong)
		require.EqualError(t, err, "mongodb: index audit_time: an index with this name has other keys; rename or drop it")
	})
	t.Run("the same keys, but unique", func(t *testing.T) {
		coll := newCollection(t, client)
		_, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
			Keys: bson.D{{Key: "trace_id", Value: 1}}, Options: options.Index().SetUnique(true).SetName("mine"),
		})
		require.NoError(t, err)
		_, err = mongodb.New(t.Context(), coll)
		require.ErrorContains(t, err, "index mine: it is sparse, unique or partial")
	})
}

func TestRetention(t *testing.T) {
	coll := newCollection(t, connect(t, serverURI))
	if mongoserver.URI() == "" {
		_, err := mongodb.New(t.Context(), coll, mongodb.WithRetention(time.Hour))
		var wrong *mongodb.IndexError
		require.ErrorAs(t, err, &wrong, "the server does not support TTL indexes")
		return
	}
	require.NoError(t, newExporter(t, coll, mongodb.WithRetention(time.Hour)).WaitForIndexes(t.Context()))
	require.NoError(t, newExporter(t, coll, mongodb.WithRetention(time.Hour)).WaitForIndexes(t.Context()))
	_, err := mongodb.New(t.Context(), coll, mongodb.WithRetention(2*time.Hour))
	require.ErrorContains(t, err, "it keeps records 3600 seconds, but WithRetention sets 7200 seconds")
	_, err = mongodb.New(t.Context(), coll)
	require.ErrorContains(t, err, "it removes records after 3600 seconds, but WithRetention does not set that")
}

func TestView(t *testing.T) {
	needsMongoDB(t)
	client := connect(t, serverURI)
	view := newCollection(t, client)
	require.NoError(t, view.Database().CreateView(t.Context(), view.Name(), "anything", mongo.Pipeline{}))
	_, err := mongodb.New(t.Context(), view)
	require.ErrorContains(t, err, "is a view; records need a collection")

	later := newCollection(t, client)
	e := newExporter(t, later)
	require.NoError(t, e.WaitForIndexes(t.Context()))
	require.NoError(t, later.Drop(t.Context()))
	require.NoError(t, later.Database().CreateView(t.Context(), later.Name(), "anything", mongo.Pipeline{}))
	err = e.Export(t.Context(), exporttest.OddRecords()[:2])
	var partial *export.PartialError
	require.ErrorAs(t, err, &partial)
	assert.Len(t, partial.Rejected, 2)
	assert.True(t, export.IsPermanent(partial.Rejected[0]))
}

func TestBadOptions(t *testing.T) {
	coll := connect(t, serverURI).Database("opendeed_test").Collection("never_created")
	for want, opt := range map[string]mongodb.Option{
		"WithName":         mongodb.WithName("My Sink"),
		"WithWriteConcern": mongodb.WithWriteConcern(writeconcern.Unacknowledged()),
		"whole seconds":    mongodb.WithRetention(time.Millisecond),
		"WithLogger":       mongodb.WithLogger(nil),
	} {
		_, err := mongodb.New(t.Context(), coll, opt)
		require.ErrorContains(t, err, want)
	}
	_, err := mongodb.New(t.Context(), nil, mongodb.WithoutIndexes(), mongodb.WithRetention(time.Hour))
	require.ErrorContains(t, err, "the collection is nil")
	require.ErrorContains(t, err, "it needs an index")
}

// TestCommands checks the commands that an exporter sends.
func TestCommands(t *testing.T) {
	var inserts []bson.Raw
	client := connect(t, serverURI, options.Client().SetMonitor(&event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if e.CommandName == "insert" {
			inserts = append(inserts, slices.Clone(e.Command))
		}
	}}))
	e := newExporter(t, newCollection(t, client))
	assert.Equal(t, "mongodb", e.Name())
	require.NoError(t, e.Export(t.Context(), exporttest.OddRecords()[:2]))
	require.Len(t, inserts, 1)
	concern, err := inserts[0].LookupErr("writeConcern")
	require.NoError(t, err)
	assert.JSONEq(t, `{"w":"majority","j":true}`, concern.String())
	assert.False(t, inserts[0].Lookup("ordered").Boolean())
}
