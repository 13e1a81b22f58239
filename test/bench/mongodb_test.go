package bench

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/test/mongoserver"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// documentStruct is a record as a program without the exporter would store it.
type documentStruct struct {
	ID             bson.Binary   `bson:"_id"`
	Time           bson.DateTime `bson:"time"`
	TimeNS         int32         `bson:"time_ns"`
	ObservedTime   bson.DateTime `bson:"observed_time"`
	ObservedTimeNS int32         `bson:"observed_time_ns"`
	Kind           string        `bson:"kind"`
	Action         string        `bson:"action"`
	Operation      string        `bson:"operation"`
	Outcome        string        `bson:"outcome"`
	Actor          struct {
		Type       string `bson:"type"`
		ID         string `bson:"id"`
		Name       string `bson:"name,omitempty"`
		AuthMethod string `bson:"auth_method,omitempty"`
	} `bson:"actor"`
	Target struct {
		Type string `bson:"type"`
		ID   string `bson:"id"`
	} `bson:"target"`
	Reason   string         `bson:"reason,omitempty"`
	Tenant   string         `bson:"tenant,omitempty"`
	Channel  string         `bson:"channel,omitempty"`
	Metadata []documentPair `bson:"metadata,omitempty"`
	Tracker  struct {
		Name    string `bson:"name"`
		Version string `bson:"version,omitempty"`
	} `bson:"tracker"`
	Resource []documentPair `bson:"resource"`
}

type documentPair struct {
	Key   string `bson:"k"`
	Value any    `bson:"v"`
}

// BenchmarkDocument encodes and decodes the document of a record: into an allocated buffer like
// the exporter (audit), into a new one (marshal), from a struct with the driver (bson), and back
// into a record (read).
func BenchmarkDocument(b *testing.B) {
	r := newRecord(b)
	document, err := mongodb.Marshal(r)
	require.NoError(b, err)
	var fields documentStruct
	require.NoError(b, bson.Unmarshal(document, &fields))
	again, err := bson.Marshal(fields)
	require.NoError(b, err)
	require.Equal(b, document, bson.Raw(again))

	b.Run("impl=audit", func(b *testing.B) {
		buffer := make([]byte, 0, len(document))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mongodb.Append(buffer, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=marshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mongodb.Marshal(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=bson", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := bson.Marshal(fields); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mongodb.Unmarshal(document); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMongoExport stores 500 records of about 1 KB, and compares that with the driver
// inserting documents that are already encoded. An operation is one batch.
func BenchmarkMongoExport(b *testing.B) {
	uri := mongoserver.URI()
	if uri == "" {
		uri = mongoserver.Start(b).URI()
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	require.NoError(b, err)
	b.Cleanup(func() { _ = client.Disconnect(b.Context()) })
	one := newRecord(b)
	one.Reason = strings.Repeat("x", 200)
	records := make([]*record.Record, 500)
	for i := range records {
		records[i] = one.Clone()
	}
	// Each implementation has its own collection, dropped at the start so that it stays small.
	collection := func(b *testing.B, name string) *mongo.Collection {
		journal := true
		coll := client.Database("opendeed_bench").Collection(name, options.Collection().
			SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}))
		require.NoError(b, coll.Drop(b.Context()))
		return coll
	}
	b.Run("impl=audit", func(b *testing.B) {
		e, err := mongodb.New(b.Context(), collection(b, "audit"), mongodb.WithoutIndexes())
		require.NoError(b, err)
		for b.Loop() {
			for _, r := range records {
				newID(r.ID[:])
			}
			if err := e.Export(b.Context(), records); err != nil {
				b.Fatal(err)
			}
		}
		require.NoError(b, e.Shutdown(b.Context()))
	})
	b.Run("impl=driver", func(b *testing.B) {
		coll := collection(b, "driver")
		documents := make([]bson.Raw, len(records))
		for i, r := range records {
			documents[i], err = mongodb.Marshal(r)
			require.NoError(b, err)
		}
		for b.Loop() {
			for _, d := range documents {
				_, id := d.Lookup("_id").Binary()
				newID(id)
			}
			if _, err := coll.InsertMany(b.Context(), documents, options.InsertMany().SetOrdered(false)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// newID fills id with random bytes.
func newID(id []byte) { _, _ = rand.Read(id) } // never fails
