package mongodb

import (
	"context"
	"errors"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

var (
	errNotYetDurable = errors.New("mongodb: a record is stored, but not by a majority of the servers yet")
	errOtherUnique   = errors.New("mongodb: a unique index that is not this exporter's refuses the record")
)

// compare looks at the stored documents whose IDs the given ones have. One that is the
// same was stored before: by an attempt whose answer was lost, or that was repeated.
func (e *Exporter) compare(ctx context.Context, known []document, b *batch) error {
	if len(known) == 0 {
		return nil
	}
	durable, err := find(ctx, e.collection, known, b)
	if err != nil {
		return err
	}
	var absent []document
	for _, d := range known {
		stored, ok := durable[b.records[d.index].ID]
		if !ok {
			absent = append(absent, d)
			continue
		}
		b.settle(d.index, stored)
	}
	if len(absent) == 0 {
		return nil
	}
	local := e.collection.Clone(options.Collection().SetReadConcern(readconcern.Local()))
	present, err := find(ctx, local, absent, b)
	if err != nil {
		return err
	}
	for _, d := range absent {
		if _, ok := present[b.records[d.index].ID]; ok {
			b.reject(d.index, errNotYetDurable)
		} else {
			b.reject(d.index, export.Permanent(errOtherUnique))
		}
	}
	return nil
}

// settle compares a record with what is stored under its ID.
func (b *batch) settle(index int, stored bson.Raw) {
	r := b.records[index]
	before, err := Unmarshal(stored)
	if err != nil || !before.IsRetryOf(r) {
		b.reject(index, export.Permanent(&ConflictError{ID: r.ID}))
	}
}

// find returns the stored documents, by ID.
func find(ctx context.Context, coll *mongo.Collection, known []document, b *batch) (map[audit.ID]bson.Raw, error) {
	ids := make(bson.A, len(known))
	for i, d := range known {
		id := b.records[d.index].ID
		ids[i] = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]}
	}
	cursor, err := coll.Find(ctx, bson.D{{Key: memberID, Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return nil, serverError(err)
	}
	defer func() { _ = cursor.Close(ctx) }() // was only read
	stored := make(map[audit.ID]bson.Raw, len(known))
	for cursor.Next(ctx) {
		id, ok := idOf(cursor.Current)
		if !ok {
			continue
		}
		stored[id] = append(bson.Raw(nil), cursor.Current...)
	}
	if err := cursor.Err(); err != nil {
		return nil, serverError(err)
	}
	return stored, nil
}

// idOf returns a document's ID, if it is a record's.
func idOf(document bson.Raw) (audit.ID, bool) {
	v, err := document.LookupErr(memberID)
	if err != nil {
		return audit.ID{}, false
	}
	subtype, data, ok := v.BinaryOK()
	if !ok || subtype != bson.TypeBinaryUUID || len(data) != len(audit.ID{}) {
		return audit.ID{}, false
	}
	return audit.ID(data), true
}
