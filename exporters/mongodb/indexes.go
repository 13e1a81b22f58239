package mongodb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/opendeed/audit/export"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// index describes an index that the exporter creates.
type index struct {
	name    string
	keys    bson.D
	expires int32 // in seconds; zero keeps documents
}

// withOrder returns the keys of an index on the given members, followed by the order in
// which the Reader returns records, so that the server need not sort.
func withOrder(members ...string) bson.D {
	var keys bson.D
	for _, name := range append(members, memberTime, memberTimeRest, memberID) {
		keys = append(keys, bson.E{Key: name, Value: int32(1)})
	}
	return keys
}

// requiredIndexes returns the indexes that the Reader and the retention need.
func requiredIndexes(c *config) []index {
	all := []index{
		{name: "audit_time", keys: withOrder()},
		{name: "audit_actor", keys: withOrder("actor.id", "actor.type")},
		{name: "audit_target", keys: withOrder("target.id", "target.type")},
		{name: "audit_covers", keys: withOrder("covers.id", "covers.type")},
		{name: "audit_action", keys: withOrder("action")},
		{name: "audit_tenant", keys: withOrder("tenant")},
		{name: "audit_trace_id", keys: bson.D{{Key: "trace_id", Value: int32(1)}}},
		{name: "audit_attempt", keys: bson.D{{Key: "attempt", Value: int32(1)}}},
		{name: "audit_metadata", keys: bson.D{{Key: "metadata.k", Value: int32(1)}, {Key: "metadata.v", Value: int32(1)}}},
	}
	if c.retention > 0 {
		all = append(all, index{
			name: "audit_retention", keys: bson.D{{Key: memberTime, Value: int32(1)}},
			expires: int32(c.retention / time.Second),
		})
	}
	return all
}

// IndexError reports why an index cannot be created.
type IndexError struct {
	// Index is the name of the index, or of the index that it conflicts with. It may be
	// empty.
	Index string
	// Reason says what is wrong and what to do.
	Reason string
	// Err is the server's error, or nil.
	Err error
}

// Error returns the index, the reason and the error of the server.
func (e *IndexError) Error() string {
	text := "mongodb: "
	if e.Index != "" {
		text += "index " + e.Index + ": "
	}
	text += e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *IndexError) Unwrap() error { return e.Err }

// indexes creates the indexes on its own goroutine.
type indexes struct {
	collection *mongo.Collection
	config     *config
	cancel     context.CancelFunc
	done       chan struct{} // closed when err is set
	err        error
	waiting    sync.WaitGroup
}

func newIndexes(coll *mongo.Collection, c *config) *indexes {
	return &indexes{collection: coll, config: c, done: make(chan struct{})}
}

const (
	// startTimeout is how long New waits.
	startTimeout = 5 * time.Second
	// listTimeout limits each attempt to list the existing indexes.
	listTimeout = 10 * time.Second
	// minBackoff and maxBackoff limit the pause between attempts.
	minBackoff = 500 * time.Millisecond
	maxBackoff = 30 * time.Second
)

// start starts the goroutine and waits for a while. It returns an error if the indexes
// cannot be created.
func (x *indexes) start(ctx context.Context) error {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	x.cancel = cancel
	x.waiting.Go(func() { x.run(background) })
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case <-x.done:
		if x.err != nil {
			x.stop()
		}
		return x.err
	case <-timer.C:
	case <-ctx.Done():
	}
	x.config.logger.WarnContext(ctx, "mongodb: the server did not reply in time; creating the indexes in the background",
		slog.String("exporter", x.config.name))
	x.waiting.Go(x.report)
	return nil
}

// report waits for the goroutine and logs the result.
func (x *indexes) report() {
	<-x.done
	if x.err != nil {
		x.config.logger.Error("mongodb: the indexes cannot be created", slog.String("exporter", x.config.name), slog.Any("error", x.err))
		return
	}
	x.config.logger.Info("mongodb: the indexes exist", slog.String("exporter", x.config.name))
}

// run creates the indexes. It retries errors that are not permanent.
func (x *indexes) run(ctx context.Context) {
	defer close(x.done)
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		x.err = x.ensure(ctx)
		if x.err == nil || isFinalIndexError(x.err) || ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff/2 + rand.N(backoff)):
		}
	}
}

// isFinalIndexError reports whether a retry would fail in the same way.
func isFinalIndexError(err error) bool {
	if _, ok := errors.AsType[*IndexError](err); ok {
		return true
	}
	return export.IsPermanent(err)
}

// ensure creates missing indexes. It never drops or changes an index.
func (x *indexes) ensure(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	if err := x.checkCollection(bounded); err != nil || !x.config.indexes {
		return err
	}
	existing, err := x.list(bounded)
	if err != nil {
		return err
	}
	var missing []mongo.IndexModel
	for _, want := range requiredIndexes(x.config) {
		found, err := want.existsIn(existing)
		if err != nil {
			return err
		}
		if !found {
			missing = append(missing, want.model())
		}
	}
	if err := checkExpiry(existing, x.config.retention); err != nil || len(missing) == 0 {
		return err
	}
	// On a large collection this takes a long time, during which the server stays available.
	if _, err := x.collection.Indexes().CreateMany(ctx, missing); err != nil {
		return x.wrapError(err, "the server cannot create an index")
	}
	return nil
}

// checkCollection returns an error if the collection is a view or of another special kind.
func (x *indexes) checkCollection(ctx context.Context) error {
	specs, err := x.collection.Database().ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: x.collection.Name()}})
	if err != nil {
		return x.wrapError(err, "the server cannot describe the collection")
	}
	for _, s := range specs {
		if s.Name == x.collection.Name() && s.Type != "" && s.Type != "collection" {
			return &IndexError{Reason: fmt.Sprintf("%q is a %s; records need a collection", s.Name, s.Type)}
		}
	}
	return nil
}

// existingIndex is an index of the collection.
type existingIndex struct {
	Name    string   `bson:"name"`
	Key     bson.Raw `bson:"key"`
	Expires any      `bson:"expireAfterSeconds"`
	Unique  bool     `bson:"unique"`
	Sparse  bool     `bson:"sparse"`
	Partial bson.Raw `bson:"partialFilterExpression"`
}

func (x *indexes) list(ctx context.Context) ([]existingIndex, error) {
	cursor, err := x.collection.Indexes().List(ctx)
	if err == nil {
		var existing []existingIndex
		err = cursor.All(ctx, &existing)
		if err == nil {
			return existing, nil
		}
	}
	if codes := mongo.ErrorCodes(err); len(codes) > 0 && codes[0] == codeNamespaceNotFound {
		return nil, nil // the collection does not exist yet
	}
	return nil, x.wrapError(err, "the server cannot list the indexes")
}

// wrapError returns an *IndexError if the server would reply the same again, or a
// *ServerError.
func (x *indexes) wrapError(err error, reason string) error {
	codes := mongo.ErrorCodes(err)
	if len(codes) == 0 || codes[0] == 0 || mongo.IsNetworkError(err) || mongo.IsTimeout(err) {
		return serverError(err)
	}
	switch wrapped := serverError(err); codes[0] {
	case codeUnauthorized:
		return &IndexError{Reason: reason + "; grant the permission, or use WithoutIndexes", Err: wrapped}
	case codeAuthFailed:
		return &IndexError{Reason: "authentication failed; check the user and the password", Err: wrapped}
	case 67, 85, 86: // CannotCreateIndex, IndexOptionsConflict, IndexKeySpecsConflict
		return &IndexError{Reason: reason + "; check the indexes of the collection", Err: wrapped}
	default:
		if isPermanent(err) {
			return &IndexError{Reason: reason, Err: wrapped}
		}
		return wrapped
	}
}

// existsIn reports whether the index exists. An index with the same keys counts, whatever
// its name.
func (i *index) existsIn(existing []existingIndex) (bool, error) {
	keys, err := bson.Marshal(i.keys)
	if err != nil {
		return false, err
	}
	for _, p := range existing {
		same := sameKeys(p.Key, keys)
		switch {
		case p.Name == i.name && !same:
			return false, &IndexError{Index: i.name, Reason: "an index with this name has other keys; rename or drop it"}
		case !same:
			continue
		case i.expires > 0 && seconds(p.Expires) != int64(i.expires):
			return false, &IndexError{Index: p.Name, Reason: fmt.Sprintf(
				"it keeps records %s, but WithRetention sets %d seconds; change it with collMod, or drop it", formatExpiry(p.Expires), i.expires)}
		case p.Sparse || p.Unique || p.Partial != nil:
			return false, &IndexError{Index: p.Name, Reason: "it is sparse, unique or partial, and has the keys of " + i.name + "; drop it"}
		}
		return true, nil
	}
	return false, nil
}

// checkExpiry returns an error if an index removes records against the retention.
func checkExpiry(existing []existingIndex, retention time.Duration) error {
	for _, p := range existing {
		if p.Expires != nil && (retention == 0 || seconds(p.Expires) != int64(retention/time.Second)) {
			return &IndexError{Index: p.Name, Reason: "it removes records after " + formatExpiry(p.Expires) +
				", but WithRetention does not set that; drop it, or set WithRetention"}
		}
	}
	return nil
}

// seconds returns a number of seconds, which servers return in several types, or -1.
func seconds(v any) int64 {
	switch n := v.(type) {
	case int32:
		return int64(n)
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return -1
}

// formatExpiry returns how long an index keeps documents.
func formatExpiry(v any) string {
	if n := seconds(v); n >= 0 {
		return fmt.Sprintf("%d seconds", n)
	}
	return "forever"
}

// sameKeys compares the names and directions of keys. Servers return the directions in
// several types.
func sameKeys(a, b bson.Raw) bool {
	x, errX := a.Elements()
	y, errY := b.Elements()
	if errX != nil || errY != nil || len(x) != len(y) {
		return false
	}
	for i := range x {
		m, okM := x[i].Value().AsInt64OK()
		n, okN := y[i].Value().AsInt64OK()
		if !okM || !okN || m != n || x[i].Key() != y[i].Key() {
			return false
		}
	}
	return true
}

func (i *index) model() mongo.IndexModel {
	opts := options.Index().SetName(i.name)
	if i.expires > 0 {
		opts.SetExpireAfterSeconds(i.expires)
	}
	return mongo.IndexModel{Keys: i.keys, Options: opts}
}

func (x *indexes) wait(ctx context.Context) error {
	select {
	case <-x.done:
		return x.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (x *indexes) stop() {
	x.cancel()
	x.waiting.Wait()
}
