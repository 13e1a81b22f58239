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
	errNotYetDurable = errors.New("mongodb: the record is stored, but not on a majority of the servers yet")
	errOtherUnique   = errors.New("mongodb: a unique index that the exporter did not create rejects the record")
)

// resolveDuplicates compares documents that failed with a duplicate key with the stored
// ones. If both are the same record, an earlier attempt stored it. Otherwise the record
// is rejected.
func (e *Exporter) resolveDuplicates(ctx context.Context, duplicates []document, b *batch) error {
	if len(duplicates) == 0 {
		return nil
	}
	durable, err := find(ctx, e.collection, duplicates, b)
	if err != nil {
		return err
	}
	var absent []document
	for _, d := range duplicates {
		stored, ok := durable[b.records[d.index].ID]
		if !ok {
			absent = append(absent, d)
			continue
		}
		b.checkSame(d.index, stored)
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

// checkSame rejects a record unless the stored document is the same record.
func (b *batch) checkSame(index int, stored bson.Raw) {
	r := b.records[index]
	first, err := Unmarshal(stored)
	if err != nil || !first.IsRetryOf(r) {
		b.reject(index, export.Permanent(&ConflictError{ID: r.ID}))
	}
}

// find returns the stored documents with the IDs of the given ones, by ID.
func find(ctx context.Context, coll *mongo.Collection, documents []document, b *batch) (map[audit.ID]bson.Raw, error) {
	ids := make(bson.A, len(documents))
	for i, d := range documents {
		id := b.records[d.index].ID
		ids[i] = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]}
	}
	cursor, err := coll.Find(ctx, bson.D{{Key: memberID, Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return nil, serverError(err)
	}
	defer func() { _ = cursor.Close(ctx) }() // only read
	stored := make(map[audit.ID]bson.Raw, len(documents))
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

// idOf returns the ID of a document, if it is the ID of a record.
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
