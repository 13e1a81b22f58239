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

// DefaultName is the exporter's name unless WithName sets another.
const DefaultName = "mongodb"

// Option configures an Exporter.
type Option func(*config)

type config struct {
	name         string
	writeConcern *writeconcern.WriteConcern
	retention    time.Duration
	indexes      bool
	logger       *slog.Logger
}

func newConfig(opts []Option) (*config, error) {
	journal := true
	c := &config{
		name:         DefaultName,
		writeConcern: &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal},
		indexes:      true,
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
		errs = append(errs, errors.New("WithWriteConcern: the server must acknowledge what it was given"))
	}
	if c.retention < 0 || c.retention%time.Second != 0 || c.retention > math.MaxInt32*time.Second {
		errs = append(errs, errors.New("WithRetention: it must be whole seconds, at most 2147483647 of them"))
	}
	if c.retention > 0 && !c.indexes {
		errs = append(errs, errors.New("WithRetention: it needs an index, which WithoutIndexes leaves to others"))
	}
	if c.logger == nil {
		errs = append(errs, errors.New("WithLogger: the logger is nil"))
	}
	return c, errors.Join(errs...)
}

// WithName sets the exporter's name. The default is DefaultName.
func WithName(name string) Option {
	return func(c *config) { c.name = name }
}

// WithWriteConcern sets when a record counts as stored. The default is a majority of
// the replica set, journaled, whatever the collection's own is. A weaker one may lose
// records that Export has returned nil for.
func WithWriteConcern(w *writeconcern.WriteConcern) Option {
	return func(c *config) { c.writeConcern = w }
}

// WithRetention has the server remove records that long after their time, some time
// later, by a TTL index; the default is to keep them for ever. A server without TTL
// indexes makes New fail, or is logged where it does not answer by then. To change
// the retention, drop the index audit_retention first, or change it by collMod.
func WithRetention(d time.Duration) Option {
	return func(c *config) { c.retention = d }
}

// WithoutIndexes leaves the indexes to whoever may make them; docs/mongodb.md lists
// them.
func WithoutIndexes() Option {
	return func(c *config) { c.indexes = false }
}

// WithLogger sets where the making of indexes is reported that New does not wait for.
// The default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}
