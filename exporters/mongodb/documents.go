package mongodb

import (
	"context"
	"errors"
	"iter"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Document is a document with the place beside its record.
type Document struct {
	// ID is its _id, or zero if that is no ID of a record.
	ID audit.ID
	// Place is its place, or zero without one.
	Place export.Place
	// Record is its record. It is nil if Err, a *DocumentError, says why the document is none.
	Record *record.Record
	Err    error
}

// Documents returns an iterator over all documents of the collection, in no order, to compare a
// copy with the ledger from which it was exported. It ends after an error.
func (r *Reader) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		cursor, err := r.collection.Find(ctx, bson.D{}, options.Find().SetBatchSize(documentBatch))
		if err != nil {
			yield(Document{}, findError(ctx, err))
			return
		}
		defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // only read
		for cursor.Next(ctx) {
			d := Document{}
			d.ID, _ = idOf(cursor.Current)
			d.Place, _ = PlaceOf(cursor.Current)
			d.Record, d.Err = Unmarshal(cursor.Current)
			if !yield(d, nil) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(Document{}, findError(ctx, err))
		}
	}
}

// documentBatch is how many documents a server returns at once, of some kilobytes each.
const documentBatch = 1000

// Reason returns why the document is no record, without its ID.
func (d *Document) Reason() string {
	invalid, ok := errors.AsType[*DocumentError](d.Err)
	switch {
	case ok && invalid.Path != "":
		return "it is no record: " + invalid.Path + ": " + invalid.Reason
	case ok:
		return "it is no record: " + invalid.Reason
	}
	return ""
}
