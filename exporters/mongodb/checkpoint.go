package mongodb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// CheckpointsSuffix is what the name of the collection of checkpoints has after that of the
// collection of records.
const CheckpointsSuffix = "_checkpoints"

// checkpoint is the document of a checkpoint.
type checkpoint struct {
	// ID has the ledger, the size and a hash of the note, so that checkpoints are sorted by it,
	// and two that contradict one another are both kept.
	ID   string    `bson:"_id"`
	Log  string    `bson:"log"`
	Size int64     `bson:"size"`
	Note string    `bson:"note"`
	Time time.Time `bson:"time"`
}

// KeepsCheckpoints reports whether the exporter stores checkpoints: it does, except with
// WithoutCheckpoints.
func (e *Exporter) KeepsCheckpoints() bool { return e.config.checkpoints }

// ExportCheckpoint inserts the checkpoint of a sealed ledger into a collection beside that of the
// records. It never changes one that is there. Nothing is stored with WithoutCheckpoints.
func (e *Exporter) ExportCheckpoint(ctx context.Context, c export.Checkpoint) error {
	if !e.config.checkpoints {
		return nil
	}
	hash := sha256.Sum256(c.Note)
	document := checkpoint{
		ID:  fmt.Sprintf("%s/%019d/%s", c.Log, c.Size, hex.EncodeToString(hash[:8])),
		Log: c.Log, Size: c.Size, Note: string(c.Note), Time: c.Time,
	}
	coll := checkpointsOf(e.collection, options.Collection().SetWriteConcern(e.config.writeConcern))
	_, err := coll.InsertOne(audit.SuppressSignals(OutsideTransaction(ctx)), document)
	if mongo.IsDuplicateKeyError(err) {
		return nil
	}
	if err != nil {
		return serverError(err)
	}
	return nil
}

// checkpointsOf returns the collection of the checkpoints.
func checkpointsOf(records *mongo.Collection, opts ...options.Lister[options.CollectionOptions]) *mongo.Collection {
	return records.Database().Collection(records.Name()+CheckpointsSuffix, opts...)
}

// NewestCheckpoint returns the note of the largest checkpoint of a ledger, by its ID, that an
// Exporter has stored beside the records, or nil if it has stored none. Nothing is checked: package
// seal opens the note.
func (r *Reader) NewestCheckpoint(ctx context.Context, log string) ([]byte, error) {
	var c checkpoint
	ofLog := bson.D{{Key: memberID, Value: bson.D{{Key: "$gte", Value: log + "/"}, {Key: "$lt", Value: log + "0"}}}}
	err := checkpointsOf(r.collection).FindOne(ctx, ofLog, options.FindOne().SetSort(bson.D{{Key: memberID, Value: -1}})).Decode(&c)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return nil, nil
	case err != nil:
		return nil, findError(ctx, err)
	}
	return []byte(c.Note), nil
}
