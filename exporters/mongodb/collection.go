package mongodb

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// Collection is a Reader that also removes records, for a policy of package archive/retention.
// It is safe for concurrent use.
type Collection struct{ *Reader }

// NewCollection returns a Collection of the records that an Exporter stored. It reads from the
// primary what a majority has, and a removal is journaled by a majority, whatever the collection
// says.
func NewCollection(coll *mongo.Collection) *Collection {
	journal := true
	return &Collection{NewReader(coll.Clone(options.Collection().
		SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal})))}
}

// Remove removes the records with the IDs. IDs without a record are no error. After an error some
// of them may be removed.
func (c *Collection) Remove(ctx context.Context, ids []audit.ID) error {
	if len(ids) == 0 {
		return nil
	}
	filter := bson.D{{Key: memberID, Value: bson.D{{Key: "$in", Value: binaries(ids)}}}}
	if _, err := c.collection.DeleteMany(audit.SuppressSignals(OutsideTransaction(ctx)), filter); err != nil {
		return findError(ctx, err)
	}
	return nil
}

// CheckRetention returns an *IndexError if the server removes records by itself, by an index with
// a time to live.
func (c *Collection) CheckRetention(ctx context.Context) error {
	existing, err := newIndexes(c.collection, &config{}).list(ctx)
	if err != nil {
		return err
	}
	for _, i := range existing {
		if i.Expires != nil {
			return &IndexError{Index: i.Name, Reason: fmt.Sprintf("it removes records after %s, although a hold may keep them, and before "+
				"they are archived; drop it, and remove WithRetention", formatExpiry(i.Expires))}
		}
	}
	return nil
}
