package config

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/mongodb"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// The defaults of exporters to MongoDB.
const (
	// DefaultMongoDBDatabase is the name of the database.
	DefaultMongoDBDatabase = "audit"
	// DefaultMongoDBCollection is the name of the collection.
	DefaultMongoDBCollection = "records"
)

// mongodbModel configures an exporter to MongoDB.
type mongodbModel struct {
	exporterCommon

	URI          secret             `key:"uri,required"`
	Database     text               `key:"database"`
	Collection   text               `key:"collection"`
	Retention    duration           `key:"retention"`
	Indexes      flag               `key:"indexes"`
	Checkpoints  flag               `key:"checkpoints"`
	WriteConcern *writeConcernModel `key:"write_concern"`
}

// writeConcernModel configures when a record counts as stored.
type writeConcernModel struct {
	W       loose `key:"w"`
	Journal flag  `key:"journal"`
}

func (m *mongodbModel) check(_ context.Context, d *decoder, path string) {
	if uri := m.URI.reveal(); uri != "" {
		if message := checkURI(uri); message != "" {
			d.report(join(path, "uri"), message)
		}
	}
	if m.Database != "" && (len(m.Database) > 63 || strings.ContainsAny(string(m.Database), "/\\. \"$*<>:|?\x00")) {
		d.report(join(path, "database"), "it is not a valid database name")
	}
	if m.Collection != "" && (strings.ContainsAny(string(m.Collection), "$\x00") || strings.HasPrefix(string(m.Collection), "system.")) {
		d.report(join(path, "collection"), "it is not a valid collection name")
	}
	if r := time.Duration(m.Retention); r%time.Second != 0 || r > math.MaxInt32*time.Second {
		d.report(join(path, "retention"), "it must be whole seconds, at most 2147483647")
	}
	if m.Retention > 0 && m.Indexes == flagFalse {
		d.report(join(path, "retention"), "it needs an index, but indexes is false")
	}
	if c := m.WriteConcern; c != nil && !c.concern().Acknowledged() {
		d.report(join(path, "write_concern", "w"), "it must be acknowledged")
	}
}

// concern returns the write concern. Keys that are not set have the default of the exporter.
func (c *writeConcernModel) concern() *writeconcern.WriteConcern {
	journal := c.Journal != flagFalse
	w := &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
	if n, err := strconv.Atoi(string(c.W)); err == nil {
		w.W = n
	} else if c.W != "" {
		w.W = string(c.W)
	}
	return w
}

// safeTexts are error texts of the driver that do not quote the URI.
var safeTexts = []string{
	`scheme must be "mongodb" or "mongodb+srv"`, "must have at least 1 host", "unescaped slash in username", "unescaped colon in password",
	"unescaped slash in password", "unescaped @ sign in user info", "must have a / before the query ?", "port must be an integer",
	"port must be in the range", "must have a ? separator", "must have a / separator", "invalid auth mechanism", "username required",
	"password required", "password cannot be specified", "authSource must be non-empty", "auth source must be $external",
}

// checkURI returns what is wrong with a URI, without quoting it, or "". It makes no DNS
// request, so for mongodb+srv it checks only what both schemes have in common.
func checkURI(uri string) string {
	if host, ok := strings.CutPrefix(uri, "mongodb+srv://"); ok {
		if strings.Contains(strings.ToLower(host), "srvmaxhosts") || strings.Contains(strings.ToLower(host), "srvservicename") {
			return ""
		}
		uri = "mongodb://" + host
	}
	err := options.Client().ApplyURI(uri).Validate()
	if err == nil {
		return ""
	}
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return "a file in it cannot be read: " + file.Err.Error()
	}
	for _, text := range safeTexts {
		if strings.Contains(err.Error(), text) {
			return "it is not a valid URI: " + text
		}
	}
	return "it is not a valid URI"
}

func (m *mongodbModel) open(ctx context.Context, s *settings, d *decoder, path string) export.Exporter {
	client, err := mongo.Connect(options.Client().ApplyURI(m.URI.reveal()))
	if err != nil {
		d.report(join(path, "uri"), "it cannot be used to create a client") // the driver's error quotes it
		return nil
	}
	collection := client.Database(cmp.Or(string(m.Database), DefaultMongoDBDatabase)).
		Collection(cmp.Or(string(m.Collection), DefaultMongoDBCollection))
	opts := []mongodb.Option{mongodb.WithName(m.name()), mongodb.WithRetention(time.Duration(m.Retention))}
	if m.Indexes == flagFalse {
		opts = append(opts, mongodb.WithoutIndexes())
	}
	if m.Checkpoints == flagFalse {
		opts = append(opts, mongodb.WithoutCheckpoints())
	}
	if m.WriteConcern != nil {
		opts = append(opts, mongodb.WithWriteConcern(m.WriteConcern.concern()))
	}
	if l := s.logger; l != nil {
		opts = append(opts, mongodb.WithLogger(l))
	}
	e, err := mongodb.New(ctx, collection, opts...)
	if err != nil {
		d.reportError(join(path, "uri"), err)
		_ = client.Disconnect(ctx) // it has written nothing
		return nil
	}
	return &owned{Exporter: e, release: client.Disconnect}
}
