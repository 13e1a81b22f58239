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

// Exporter is an export.Exporter that stores each record as a document in a collection.
// Use New to create one.
type Exporter struct {
	config     *config
	collection *mongo.Collection
	indexes    *indexes
	encoder    encoder
	buffer     []byte // for the documents of a batch
}

// maxBuffer is the largest buffer, in bytes, that is kept for the next batch.
const maxBuffer = 4 << 20

var _ export.CheckpointExporter = (*Exporter)(nil)

// New returns an Exporter to the collection and creates missing indexes. The collection is
// created with the first record. The exporter does not disconnect the client.
//
// New waits for the indexes, for at most five seconds and until ctx ends. It returns an
// error if an index cannot be created, the password is wrong, or the collection is a
// view. If the server does not reply in time, New returns the exporter, which creates the
// indexes in the background until Shutdown. Export does not wait for them.
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

// Name returns the name set by WithName, or DefaultName.
func (e *Exporter) Name() string { return e.config.name }

// Export inserts the records. A record that is already stored counts as inserted; a
// different record with the same ID is a *ConflictError. If the server rejects some
// records permanently, Export stores the others and returns a *export.PartialError. Most
// other errors can be retried with the same records.
//
// Export uses the session in ctx if it belongs to the client of the collection. In a
// transaction, the records are stored when it commits. If Export returns an error, the
// caller must abort the transaction.
func (e *Exporter) Export(ctx context.Context, records []*record.Record) error {
	if len(records) == 0 {
		return nil
	}
	ctx = e.commandContext(ctx)
	batch := e.encode(ctx, records)
	if err := e.insert(ctx, batch.documents, batch); err != nil {
		return err
	}
	if len(batch.rejected) > 0 {
		return &export.PartialError{Rejected: batch.rejected}
	}
	return nil
}

// commandContext returns the context for commands. It suppresses signals for the exporter's
// own writes and removes the session of another client.
func (e *Exporter) commandContext(ctx context.Context) context.Context {
	if s := mongo.SessionFromContext(ctx); s != nil && s.Client() != e.collection.Database().Client() {
		ctx = OutsideTransaction(ctx)
	}
	return audit.SuppressSignals(ctx)
}

func inTransaction(ctx context.Context) bool {
	s := mongo.SessionFromContext(ctx)
	return s != nil && s.TransactionRunning()
}

// OutsideTransaction returns a copy of ctx without its session. Use it to track events that
// must be recorded even if the transaction aborts, such as a denied or failed attempt.
func OutsideTransaction(ctx context.Context) context.Context {
	return mongo.NewSessionContext(ctx, nil)
}

// batch is the state of one Export.
type batch struct {
	records   []*record.Record
	documents []document
	rejected  map[int]error // by index in records
}

// document is an encoded record.
type document struct {
	index int // in batch.records
	data  bson.Raw
}

func (b *batch) reject(index int, err error) {
	if b.rejected == nil {
		b.rejected = map[int]error{}
	}
	b.rejected[index] = err
}

// encode encodes the records and rejects those that cannot be encoded.
func (e *Exporter) encode(ctx context.Context, records []*record.Record) *batch {
	b := &batch{records: records, documents: make([]document, 0, len(records))}
	ends := make([]int, 0, len(records))
	buffer := e.buffer[:0]
	for i, r := range records {
		var err error
		place, _ := export.PlaceOf(ctx, r)
		if buffer, err = e.encoder.append(buffer, r, place); err != nil {
			b.reject(i, export.Permanent(err))
			continue
		}
		b.documents = append(b.documents, document{index: i})
		ends = append(ends, len(buffer))
	}
	start := 0
	for i, end := range ends { // buffer no longer grows
		b.documents[i].data = bson.Raw(buffer[start:end:end])
		start = end
	}
	if cap(buffer) <= maxBuffer {
		e.buffer = buffer
	}
	return b
}

// insert inserts the documents. It adds rejected records to the batch; an error applies to
// all of them.
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
		return e.handleWriteErrors(ctx, documents, b, partial)
	}
	if !isPermanent(err) || inTransaction(ctx) {
		return commandError(err)
	}
	if len(documents) == 1 {
		b.reject(documents[0].index, commandError(err))
		return nil
	}
	// Some servers reject a whole command because of one document.
	half := len(documents) / 2
	if err := e.insert(ctx, documents[:half], b); err != nil {
		return err
	}
	return e.insert(ctx, documents[half:], b)
}

// handleWriteErrors decides about each document that was not inserted: it may be stored
// already, or it is rejected.
func (e *Exporter) handleWriteErrors(ctx context.Context, documents []document, b *batch, reply mongo.BulkWriteException) error {
	if reply.WriteConcernError != nil {
		return serverError(reply) // the inserted documents may not be durable
	}
	if inTransaction(ctx) {
		return serverError(reply) // the server has aborted the transaction
	}
	var duplicates []document
	for _, failed := range reply.WriteErrors {
		if failed.Index < 0 || failed.Index >= len(documents) {
			return serverError(reply)
		}
		d := documents[failed.Index]
		if failed.Code == codeDuplicateKey {
			duplicates = append(duplicates, d)
			continue
		}
		b.reject(d.index, documentError(failed.WriteError))
	}
	return e.resolveDuplicates(ctx, duplicates, b)
}

// WaitForIndexes waits until the indexes exist. It returns an error if they cannot be
// created, or if ctx ends first. Export does not wait for them.
func (e *Exporter) WaitForIndexes(ctx context.Context) error { return e.indexes.wait(ctx) }

// Shutdown stops creating indexes. All exported records are stored already.
func (e *Exporter) Shutdown(context.Context) error {
	e.indexes.stop()
	return nil
}
