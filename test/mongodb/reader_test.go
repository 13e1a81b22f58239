package mongodb_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestReaderConformance runs the conformance suite of all readers.
func TestReaderConformance(t *testing.T) {
	client := connect(t, serverURI)
	querytest.Run(t, func(t *testing.T, records []*record.Record) query.Reader {
		coll := newCollection(t, client)
		e, err := mongodb.New(t.Context(), coll)
		require.NoError(t, err)
		defer func() { require.NoError(t, e.Shutdown(t.Context())) }()
		for part := range slices.Chunk(records, chunkSize(records)) {
			require.NoError(t, e.Export(t.Context(), part))
		}
		return mongodb.NewReader(coll)
	})
}

// TestReaderBesideWriter reads pages while records are stored.
func TestReaderBesideWriter(t *testing.T) {
	client := connect(t, serverURI)
	querytest.RunBesideWriter(t, func(t *testing.T) querytest.Store {
		coll := newCollection(t, client)
		e, err := mongodb.New(t.Context(), coll)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
		return querytest.Store{Reader: mongodb.NewReader(coll), UniqueIDs: true, Append: func(t *testing.T, records ...*record.Record) {
			assert.NoError(t, e.Export(context.WithoutCancel(t.Context()), records))
		}}
	})
}

// chunkSize returns 1 if an ID is repeated, since the order of the records matters then.
func chunkSize(records []*record.Record) int {
	seen := map[audit.ID]bool{}
	for _, r := range records {
		if seen[r.ID] {
			return 1
		}
		seen[r.ID] = true
	}
	return max(1, len(records))
}

func TestReaderContinuesAfterInvalidDocument(t *testing.T) {
	client := connect(t, serverURI)
	coll := newCollection(t, client)
	e, err := mongodb.New(t.Context(), coll)
	require.NoError(t, err)
	records := exporttest.OddRecords()
	require.NoError(t, e.Export(t.Context(), records))
	require.NoError(t, e.Shutdown(t.Context()))
	_, err = coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "no record"}, {Key: "time", Value: bson.DateTime(1)}})
	require.NoError(t, err)

	n, odd := 0, 0
	for r, err := range mongodb.NewReader(coll).Find(t.Context(), query.Filter{}) {
		var wrong *mongodb.DocumentError
		switch {
		case errors.As(err, &wrong):
			odd++
			assert.Nil(t, r)
		default:
			require.NoError(t, err)
			n++
		}
	}
	assert.Equal(t, len(records), n)
	assert.Equal(t, 1, odd)
}
