package mongodb

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// DefaultName is the default name of the exporter.
const DefaultName = "mongodb"

// Option configures an Exporter.
type Option func(*config)

type config struct {
	name         string
	writeConcern *writeconcern.WriteConcern
	retention    time.Duration
	indexes      bool
	checkpoints  bool
	logger       *slog.Logger
}

func newConfig(opts []Option) (*config, error) {
	journal := true
	c := &config{
		name:         DefaultName,
		writeConcern: &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal},
		indexes:      true,
		checkpoints:  true,
		logger:       slog.Default(),
	}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	var errs []error
	if !record.ValidName(c.name) {
		errs = append(errs, fmt.Errorf("WithName: %q does not match %s", c.name, record.NamePattern))
	}
	if !c.writeConcern.Acknowledged() {
		errs = append(errs, errors.New("WithWriteConcern: it must be acknowledged"))
	}
	if c.retention < 0 || c.retention%time.Second != 0 || c.retention > math.MaxInt32*time.Second {
		errs = append(errs, errors.New("WithRetention: it must be whole seconds, at most 2147483647"))
	}
	if c.retention > 0 && !c.indexes {
		errs = append(errs, errors.New("WithRetention: it needs an index; remove WithoutIndexes"))
	}
	if c.logger == nil {
		errs = append(errs, errors.New("WithLogger: the logger is nil"))
	}
	return c, errors.Join(errs...)
}

// WithName sets the name of the exporter. It must match record.NamePattern and be unique
// in a provider. The default is DefaultName.
func WithName(name string) Option {
	return func(c *config) { c.name = name }
}

// WithWriteConcern sets the write concern, which decides when a record counts as stored. It
// overrides that of the collection. The default is a journaled majority of the replica
// set; with a weaker one, records may be lost after Export returned nil.
func WithWriteConcern(w *writeconcern.WriteConcern) Option {
	return func(c *config) { c.writeConcern = w }
}

// WithRetention removes records once their time is older than d, with a TTL index; the
// server removes them with some delay. By default they are kept forever. If the server
// has no TTL indexes, New fails, or logs an error if the server replies too late. To
// change the retention, first drop the index audit_retention or change it with collMod.
func WithRetention(d time.Duration) Option {
	return func(c *config) { c.retention = d }
}

// WithoutIndexes does not create indexes, for a user without the permission.
// docs/mongodb.md lists the indexes to create.
func WithoutIndexes() Option {
	return func(c *config) { c.indexes = false }
}

// WithoutCheckpoints does not store the checkpoints of a sealed ledger, for a user who may write
// only one collection. By default each that is delivered, about one a minute, is a document in
// the collection whose name is that of the records with CheckpointsSuffix.
func WithoutCheckpoints() Option {
	return func(c *config) { c.checkpoints = false }
}

// WithLogger sets the logger for indexes that are created in the background. The default is
// slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}
