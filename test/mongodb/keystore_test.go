package mongodb_test

import (
	"strings"
	"testing"

	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/erasure/keytest"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

func TestKeyStore(t *testing.T) {
	t.Parallel()
	keytest.Run(t, func(t *testing.T) erasure.KeyStore {
		return mongodb.NewKeyStore(newCollection(t, connect(t, serverURI)))
	})
}

// contentOf returns the bytes of all documents of a collection.
func contentOf(t *testing.T, coll *mongo.Collection) string {
	t.Helper()
	cursor, err := coll.Find(t.Context(), bson.D{})
	require.NoError(t, err)
	var documents []bson.Raw
	require.NoError(t, cursor.All(t.Context(), &documents))
	var content strings.Builder
	for _, d := range documents {
		content.Write(d)
	}
	return content.String()
}

// The secret of a key that was destroyed is nowhere in the collection, and two processes have one
// store.
func TestKeyStoreDestroys(t *testing.T) {
	t.Parallel()
	coll := newCollection(t, connect(t, serverURI))
	first, second := mongodb.NewKeyStore(coll), mongodb.NewKeyStore(coll)
	user := erasure.Subject{Tenant: "acme", Type: "user", ID: "42"}
	k, err := first.Key(t.Context(), user)
	require.NoError(t, err)
	same, err := second.Existing(t.Context(), user)
	require.NoError(t, err)
	require.Equal(t, k.Secret(), same.Secret())
	require.Contains(t, contentOf(t, coll), string(k.Secret()))
	require.NoError(t, second.Destroy(t.Context(), user))
	require.NotContains(t, contentOf(t, coll), string(k.Secret()))
	_, err = first.Key(t.Context(), user)
	var erased *erasure.ErasedError
	require.ErrorAs(t, err, &erased)

	_, err = coll.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: k.ID().String()}}, bson.D{{Key: "$unset", Value: bson.D{{Key: "erased", Value: ""}}}})
	require.NoError(t, err)
	_, err = first.Key(t.Context(), user)
	require.ErrorContains(t, err, "damaged")
}

// The document of one subject that is put in place of another's is not taken for its key.
func TestKeyStoreOfAnother(t *testing.T) {
	t.Parallel()
	coll := newCollection(t, connect(t, serverURI))
	keys := mongodb.NewKeyStore(coll)
	alice, bob := erasure.Subject{Type: "user", ID: "alice"}, erasure.Subject{Type: "user", ID: "bob"}
	k, err := keys.Key(t.Context(), alice)
	require.NoError(t, err)
	_, err = coll.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: k.ID().String()}}, bson.D{{Key: "$set", Value: bson.D{{Key: "subject", Value: bob.ID}}}})
	require.NoError(t, err)
	_, err = keys.Existing(t.Context(), alice)
	require.ErrorContains(t, err, "damaged")
	_, err = keys.Key(t.Context(), alice)
	require.ErrorContains(t, err, "damaged")
	require.NotContains(t, err.Error(), bob.ID)
}
