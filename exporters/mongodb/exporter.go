package mongodb

import (
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// Exporter stores records in a collection, a document each. Make it with New.
type Exporter struct {
	config     *config
	collection *mongo.Collection
	indexes    *indexes
	encoder    encoder
	room       []byte // for the documents of a batch
}

// maxRoom is how much room is kept for the next batch, in bytes.
const maxRoom = 4 << 20

var _ export.Exporter = (*Exporter)(nil)

// New returns an exporter to the collection, which it makes with the first record,
// and ensures the indexes. It does not close the collection's client.
//
// New waits for the indexes some seconds at most, within ctx. An index that cannot be
// made, a wrong password and a collection that is a view are errors. Where the server
// does not answer or takes longer, New returns all the same, and what is missing is
// made in the background until Shutdown: records do not wait for it.
func New(ctx context.Context, coll *mongo.Collection, opts ...Option) (*Exporter, error) {
	c, err := newConfig(opts)
	if coll == nil {
		err = errors.Join(err, errors.New("the collection is nil"))
	}
	if err != nil {
		return nil, fmt.Errorf("mongodb: %w", err)
	}
	coll = coll.Clone(options.Collection().SetWriteConcern(c.writeConcern).
		SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary()))
	e := &Exporter{config: c, collection: coll, indexes: newIndexes(coll, c)}
	if err := e.indexes.start(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// Name returns DefaultName or what WithName has set.
func (e *Exporter) Name() string { return e.config.name }

// Export inserts the records. Those that are stored already count as inserted, unless
// another record has their ID (*ConflictError). Where the server refuses some records
// for good, the error is a *export.PartialError and the others are stored; most other
// errors are worth trying again, with the same records.
//
// A session in ctx that belongs to the collection's client is used: within a
// transaction the records become visible with it, or not at all, and an error of
// Export leaves it to the caller to abort.
func (e *Exporter) Export(ctx context.Context, records []*record.Record) error {
	if len(records) == 0 {
		return nil
	}
	ctx = e.contextOf(ctx)
	batch := e.encode(records)
	if err := e.insert(ctx, batch.documents, batch); err != nil {
		return err
	}
	if len(batch.rejected) > 0 {
		return &export.PartialError{Rejected: batch.rejected}
	}
	return nil
}

// contextOf returns the context for the commands: the exporter's own writes are no
// signals, and a session of another client is none of ours.
func (e *Exporter) contextOf(ctx context.Context) context.Context {
	if s := mongo.SessionFromContext(ctx); s != nil && s.Client() != e.collection.Database().Client() {
		ctx = OutsideTransaction(ctx)
	}
	return audit.SuppressSignals(ctx)
}

func inTransaction(ctx context.Context) bool {
	s := mongo.SessionFromContext(ctx)
	return s != nil && s.TransactionRunning()
}

// OutsideTransaction returns a context without the session of ctx, for what is to be
// recorded even if its transaction is aborted: a denied or failed attempt.
func OutsideTransaction(ctx context.Context) context.Context {
	return mongo.NewSessionContext(ctx, nil)
}

// batch is what one Export works on.
type batch struct {
	records   []*record.Record
	documents []document
	rejected  map[int]error // by the record's index
}

// document is a record as it is sent.
type document struct {
	index int // of its record
	data  bson.Raw
}

func (b *batch) reject(index int, err error) {
	if b.rejected == nil {
		b.rejected = map[int]error{}
	}
	b.rejected[index] = err
}

// encode makes the documents. Records that have none are rejected.
func (e *Exporter) encode(records []*record.Record) *batch {
	b := &batch{records: records, documents: make([]document, 0, len(records))}
	ends := make([]int, 0, len(records))
	room := e.room[:0]
	for i, r := range records {
		var err error
		if room, err = e.encoder.append(room, r); err != nil {
			b.reject(i, export.Permanent(err))
			continue
		}
		b.documents = append(b.documents, document{index: i})
		ends = append(ends, len(room))
	}
	start := 0
	for i, end := range ends { // room does not move any more
		b.documents[i].data = bson.Raw(room[start:end:end])
		start = end
	}
	if cap(room) <= maxRoom {
		e.room = room
	}
	return b
}

// insert sends the documents. What the server refuses of them is put down in the
// batch; the error is about all of them.
func (e *Exporter) insert(ctx context.Context, documents []document, b *batch) error {
	if len(documents) == 0 {
		return nil
	}
	data := make([]bson.Raw, len(documents))
	for i := range documents {
		data[i] = documents[i].data
	}
	_, err := e.collection.InsertMany(ctx, data, options.InsertMany().SetOrdered(false))
	if err == nil {
		return nil
	}
	if partial, ok := errors.AsType[mongo.BulkWriteException](err); ok {
		return e.sort(ctx, documents, b, partial)
	}
	if !isHopeless(err) || inTransaction(ctx) {
		return commandError(err)
	}
	if len(documents) == 1 {
		b.reject(documents[0].index, commandError(err))
		return nil
	}
	// Some servers refuse a whole command for one document.
	half := len(documents) / 2
	if err := e.insert(ctx, documents[:half], b); err != nil {
		return err
	}
	return e.insert(ctx, documents[half:], b)
}

// sort puts each document that was not inserted where it belongs.
func (e *Exporter) sort(ctx context.Context, documents []document, b *batch, answer mongo.BulkWriteException) error {
	if answer.WriteConcernError != nil {
		return serverError(answer) // what is stored may not be durable
	}
	if inTransaction(ctx) {
		return serverError(answer) // the server has aborted it
	}
	var known []document
	for _, refusal := range answer.WriteErrors {
		if refusal.Index < 0 || refusal.Index >= len(documents) {
			return serverError(answer)
		}
		d := documents[refusal.Index]
		if refusal.Code == codeDuplicateKey {
			known = append(known, d)
			continue
		}
		b.reject(d.index, documentError(refusal.WriteError))
	}
	return e.compare(ctx, known, b)
}

// Ready waits until the indexes are there, and returns why they cannot be made, or
// why ctx ended first. Export does not wait for them.
func (e *Exporter) Ready(ctx context.Context) error { return e.indexes.wait(ctx) }

// Shutdown ends the making of indexes. What was exported is stored already.
func (e *Exporter) Shutdown(context.Context) error {
	e.indexes.stop()
	return nil
}
