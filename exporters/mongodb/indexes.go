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

// index is one that the Reader searches by.
type index struct {
	name    string
	keys    bson.D
	expires int32 // seconds; zero for one that removes nothing
}

// ordered ends with the order in which the Reader returns records, so that the server
// need not sort.
func ordered(by ...string) bson.D {
	var keys bson.D
	for _, name := range append(by, memberTime, memberTimeRest, memberID) {
		keys = append(keys, bson.E{Key: name, Value: int32(1)})
	}
	return keys
}

// wanted are the indexes, by what one looks for.
func wanted(c *config) []index {
	all := []index{
		{name: "audit_time", keys: ordered()},
		{name: "audit_actor", keys: ordered("actor.id", "actor.type")},
		{name: "audit_target", keys: ordered("target.id", "target.type")},
		{name: "audit_action", keys: ordered("action")},
		{name: "audit_tenant", keys: ordered("tenant")},
		{name: "audit_trace_id", keys: bson.D{{Key: "trace_id", Value: int32(1)}}},
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

// IndexError says why an index cannot be made.
type IndexError struct {
	// Index is its name, or that of the one that is in the way.
	Index string
	// Reason is what is wrong, and what to do.
	Reason string
	// Err is the server's answer, or nil.
	Err error
}

// Error returns a sentence for logs.
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

// Unwrap returns the server's answer.
func (e *IndexError) Unwrap() error { return e.Err }

// indexes makes the indexes, on a goroutine that it owns.
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
	// startWait is how long New waits.
	startWait = 5 * time.Second
	// tryTime bounds one attempt to find out what is there.
	tryTime = 10 * time.Second
	// minPause and maxPause are between attempts.
	minPause = 500 * time.Millisecond
	maxPause = 30 * time.Second
)

// start returns an error if it is known soon that the indexes cannot be made.
func (x *indexes) start(ctx context.Context) error {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	x.cancel = cancel
	x.waiting.Go(func() { x.run(background) })
	timer := time.NewTimer(startWait)
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
	x.config.logger.WarnContext(ctx, "mongodb: the server did not answer in time; the indexes are made in the background",
		slog.String("exporter", x.config.name))
	x.waiting.Go(x.report)
	return nil
}

// report logs what New did not wait for.
func (x *indexes) report() {
	<-x.done
	if x.err != nil {
		x.config.logger.Error("mongodb: the indexes are missing", slog.String("exporter", x.config.name), slog.Any("error", x.err))
		return
	}
	x.config.logger.Info("mongodb: the indexes are made", slog.String("exporter", x.config.name))
}

// run tries until it has worked, or cannot.
func (x *indexes) run(ctx context.Context) {
	defer close(x.done)
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		x.err = x.ensure(ctx)
		if x.err == nil || isFinal(x.err) || ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// isFinal reports whether the server has answered, and would answer the same again.
func isFinal(err error) bool {
	if _, ok := errors.AsType[*IndexError](err); ok {
		return true
	}
	return export.IsPermanent(err)
}

// ensure makes the indexes that are missing. It drops and changes none.
func (x *indexes) ensure(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	if err := x.checkCollection(bounded); err != nil || !x.config.indexes {
		return err
	}
	present, err := x.list(bounded)
	if err != nil {
		return err
	}
	var missing []mongo.IndexModel
	for _, want := range wanted(x.config) {
		is, err := want.among(present)
		if err != nil {
			return err
		}
		if !is {
			missing = append(missing, want.model())
		}
	}
	if err := checkExpiry(present, x.config.retention); err != nil || len(missing) == 0 {
		return err
	}
	// On a large collection this takes long; the server goes on serving.
	if _, err := x.collection.Indexes().CreateMany(ctx, missing); err != nil {
		return x.refused(err, "the server refuses to make an index")
	}
	return nil
}

// checkCollection refuses what documents cannot be inserted into, each once.
func (x *indexes) checkCollection(ctx context.Context) error {
	specs, err := x.collection.Database().ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: x.collection.Name()}})
	if err != nil {
		return x.refused(err, "the server refuses to tell what the collection is")
	}
	for _, s := range specs {
		if s.Name == x.collection.Name() && s.Type != "" && s.Type != "collection" {
			return &IndexError{Reason: fmt.Sprintf("%q is a %s; records need a collection", s.Name, s.Type)}
		}
	}
	return nil
}

// presentIndex is one that the collection has.
type presentIndex struct {
	Name    string   `bson:"name"`
	Key     bson.Raw `bson:"key"`
	Expires any      `bson:"expireAfterSeconds"`
	Unique  bool     `bson:"unique"`
	Sparse  bool     `bson:"sparse"`
	Partial bson.Raw `bson:"partialFilterExpression"`
}

func (x *indexes) list(ctx context.Context) ([]presentIndex, error) {
	cursor, err := x.collection.Indexes().List(ctx)
	if err == nil {
		var present []presentIndex
		err = cursor.All(ctx, &present)
		if err == nil {
			return present, nil
		}
	}
	if codes := mongo.ErrorCodes(err); len(codes) > 0 && codes[0] == codeNamespaceNotFound {
		return nil, nil // it is made with the first record
	}
	return nil, x.refused(err, "the server refuses to list the indexes")
}

// refused tells an answer that stays the same from what passes.
func (x *indexes) refused(err error, reason string) error {
	codes := mongo.ErrorCodes(err)
	if len(codes) == 0 || codes[0] == 0 || mongo.IsNetworkError(err) || mongo.IsTimeout(err) {
		return serverError(err)
	}
	switch wrapped := serverError(err); codes[0] {
	case codeUnauthorized:
		return &IndexError{Reason: reason + "; let the user do it, or give New the option WithoutIndexes", Err: wrapped}
	case codeAuthFailed:
		return &IndexError{Reason: "the server does not know the user or the password", Err: wrapped}
	case 67, 85, 86: // CannotCreateIndex, IndexOptionsConflict, IndexKeySpecsConflict
		return &IndexError{Reason: reason + "; look at the collection's indexes", Err: wrapped}
	default:
		if isHopeless(err) {
			return &IndexError{Reason: reason, Err: wrapped}
		}
		return wrapped
	}
}

// among reports whether the index is there. One of the same keys serves, whatever its
// name is.
func (i *index) among(present []presentIndex) (bool, error) {
	keys, err := bson.Marshal(i.keys)
	if err != nil {
		return false, err
	}
	for _, p := range present {
		same := sameKeys(p.Key, keys)
		switch {
		case p.Name == i.name && !same:
			return false, &IndexError{Index: i.name, Reason: "there is one of that name with other keys; rename or drop it"}
		case !same:
			continue
		case i.expires > 0 && seconds(p.Expires) != int64(i.expires):
			return false, &IndexError{Index: p.Name, Reason: fmt.Sprintf(
				"it keeps records %s, WithRetention says %d seconds; change it with collMod, or drop it", keeps(p.Expires), i.expires)}
		case p.Sparse || p.Unique || p.Partial != nil:
			return false, &IndexError{Index: p.Name, Reason: "it is sparse, unique or partial and has the keys of " + i.name + "; drop it"}
		}
		return true, nil
	}
	return false, nil
}

// checkExpiry refuses an index that removes records which are to stay.
func checkExpiry(present []presentIndex, retention time.Duration) error {
	for _, p := range present {
		if p.Expires != nil && (retention == 0 || seconds(p.Expires) != int64(retention/time.Second)) {
			return &IndexError{Index: p.Name, Reason: "it removes records after " + keeps(p.Expires) +
				", which no option asks for; drop it, or state WithRetention"}
		}
	}
	return nil
}

// seconds returns the number that a server gives in one of several types, or -1.
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

func keeps(v any) string {
	if n := seconds(v); n >= 0 {
		return fmt.Sprintf("%d seconds", n)
	}
	return "for ever"
}

// sameKeys compares names and directions; servers give the numbers in several types.
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
