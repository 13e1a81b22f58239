package mongodb_test

import (
	"testing"

	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/exportertest"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// stored returns what a collection has, by ID.
func stored(t testing.TB, coll *mongo.Collection) []*sdk.Record {
	t.Helper()
	cursor, err := coll.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	require.NoError(t, err)
	var records []*sdk.Record
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
	exportertest.Run(t,
		func(t *testing.T) sdk.Exporter {
			coll = newCollection(t, client)
			e, err := mongodb.New(t.Context(), coll)
			require.NoError(t, err)
			return e
		},
		func(t *testing.T) []*sdk.Record { return stored(t, coll) },
	)
}
