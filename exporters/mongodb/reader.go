package mongodb

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Reader finds the records in a collection. It is safe for concurrent use.
type Reader struct{ collection *mongo.Collection }

var _ query.Reader = (*Reader)(nil)

// NewReader returns a Reader of the records that an Exporter stored. It uses the read
// concern and the read preference of the collection.
func NewReader(coll *mongo.Collection) *Reader { return &Reader{coll} }

// Find returns the records that match, as query.Reader describes. The server searches with
// the exporter's indexes. Find then checks every document again, since a server does not
// distinguish the integer 1 from the float 1. For a document that is not a record, it
// yields a *DocumentError.
func (r *Reader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		matcher, err := query.NewMatcher(f)
		if err != nil {
			yield(nil, err)
			return
		}
		sorted := options.Find().SetSort(sortKeys(f.Ascending))
		cursor, err := r.collection.Find(ctx, serverFilter(&f, true), sorted)
		if err != nil && isPermanent(err) {
			cursor, err = r.collection.Find(ctx, serverFilter(&f, false), sorted)
		}
		if err != nil {
			yield(nil, findError(ctx, err))
			return
		}
		defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // only read
		remaining := f.Limit
		if remaining == 0 {
			remaining = math.MaxInt
		}
		for remaining > 0 && cursor.Next(ctx) {
			record, err := Unmarshal(cursor.Current)
			if err == nil {
				if !matcher.Matches(record) {
					continue
				}
				remaining--
			}
			if !yield(record, err) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(nil, findError(ctx, err))
		}
	}
}

// findError returns the error of the context if it has ended, or a *ServerError.
func findError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("mongodb: %w", ended)
	}
	return serverError(err)
}

func sortKeys(ascending bool) bson.D {
	direction := int32(-1)
	if ascending {
		direction = 1
	}
	return bson.D{{Key: memberTime, Value: direction}, {Key: memberTimeRest, Value: direction}, {Key: memberID, Value: direction}}
}
