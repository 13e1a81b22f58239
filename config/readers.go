package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// LedgerDir returns the directory of the ledger, or "" if there is none.
func (c *Config) LedgerDir() string {
	if c.model.Ledger == nil {
		return ""
	}
	return string(c.model.Ledger.Dir)
}

// Readers returns a reader of each store that can be asked: the ledger, whose name is
// "ledger", and the collections of exporters to MongoDB, by the exporters' names. Use
// query.Union to ask all of them as one. It changes nothing, and the ledger may be open in
// another process. The caller must call release, which closes connections.
//
// A ledger that does not exist is an error that matches fs.ErrNotExist. Servers are not
// asked before the readers are.
func (c *Config) Readers() (sources []query.Source, release func(context.Context) error, err error) {
	var closers []func(context.Context) error
	release = func(ctx context.Context) error {
		var errs []error
		for _, closeOne := range closers {
			errs = append(errs, closeOne(ctx))
		}
		return errors.Join(errs...)
	}
	if l := c.model.Ledger; l != nil {
		var opts []ledger.Option
		if l.GroupWrite == flagTrue {
			opts = append(opts, ledger.WithGroupWritable())
		}
		reader, err := ledgerquery.NewReader(string(l.Dir), opts...)
		if err != nil {
			return nil, release, err
		}
		sources = append(sources, query.Source{Name: "ledger", Reader: reader})
	}
	for i, e := range c.model.Exporters.list {
		m, ok := e.(*mongodbModel)
		if !ok {
			continue
		}
		collection, err := m.connect(index("exporters", i))
		if err != nil {
			return nil, release, err
		}
		closers = append(closers, collection.Database().Client().Disconnect)
		sources = append(sources, query.Source{Name: m.name(), Reader: mongodb.NewReader(collection)})
	}
	return sources, release, nil
}

// connect returns the collection of an exporter. No server is asked. Disconnect the client.
func (m *mongodbModel) connect(path string) (*mongo.Collection, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(m.URI.reveal()))
	if err != nil { // the driver's error quotes the URI
		return nil, fmt.Errorf("config: %s: it cannot be used to create a client", join(path, "uri"))
	}
	return client.Database(cmp.Or(string(m.Database), DefaultMongoDBDatabase)).
		Collection(cmp.Or(string(m.Collection), DefaultMongoDBCollection)), nil
}

// RetainedCollection returns the collection of the exporter that Retention.Store names. The caller
// must call release, which closes the connection.
func (c *Config) RetainedCollection() (collection *mongodb.Collection, release func(context.Context) error, err error) {
	for i, e := range c.model.Exporters.list {
		m, ok := e.(*mongodbModel)
		if !ok || c.retention == nil || m.name() != c.retention.Store {
			continue
		}
		found, err := m.connect(index("exporters", i))
		if err != nil {
			return nil, nil, err
		}
		return mongodb.NewCollection(found), found.Database().Client().Disconnect, nil
	}
	return nil, nil, errors.New("config: retention is not for a collection")
}

// CheckRetention returns an error if a store of the configuration removes records by itself, so that
// no hold could keep them: a ledger, unless MongoDB gets its records, and collections with an index
// with a time to live, for which it asks their servers until ctx ends. The names of those that
// could not be asked are in unchecked.
func (c *Config) CheckRetention(ctx context.Context) (unchecked []string, err error) {
	var errs []error
	found := false
	for i, e := range c.model.Exporters.list {
		m, ok := e.(*mongodbModel)
		if !ok {
			continue
		}
		found = true
		if m.Retention > 0 {
			errs = append(errs, fmt.Errorf("config: %s: %s", join(index("exporters", i), "retention"), ownRetention))
			continue
		}
		switch err := m.checkRetention(ctx, index("exporters", i)); {
		case err == nil:
		case errors.As(err, new(*mongodb.IndexError)):
			errs = append(errs, err)
		default:
			unchecked = append(unchecked, m.name())
		}
	}
	if l := c.model.Ledger; l != nil && !found && l.removes() {
		errs = append(errs, fmt.Errorf("config: ledger.retention: %s", ownRetention))
	}
	return unchecked, errors.Join(errs...)
}

// checkRetention asks the server for an index with a time to live.
func (m *mongodbModel) checkRetention(ctx context.Context, path string) error {
	collection, err := m.connect(path)
	if err != nil {
		return err
	}
	defer func() { _ = collection.Database().Client().Disconnect(context.WithoutCancel(ctx)) }() // read only
	return mongodb.NewCollection(collection).CheckRetention(ctx)
}
