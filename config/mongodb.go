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

// Where records go in MongoDB unless the configuration says otherwise.
const (
	// DefaultDatabase is the name of the database.
	DefaultDatabase = "audit"
	// DefaultCollection is the name of the collection.
	DefaultCollection = "records"
)

// mongodbModel is an exporter to MongoDB.
type mongodbModel struct {
	exporterCommon

	URI          secret             `key:"uri,required"`
	Database     text               `key:"database"`
	Collection   text               `key:"collection"`
	Retention    duration           `key:"retention"`
	Indexes      flag               `key:"indexes"`
	WriteConcern *writeConcernModel `key:"write_concern"`
}

// writeConcernModel is when a record counts as stored.
type writeConcernModel struct {
	W       loose `key:"w"`
	Journal flag  `key:"journal"`
}

func (m *mongodbModel) check(_ context.Context, d *decoder, path string) {
	if uri := m.URI.reveal(); uri != "" {
		if message := checkURI(uri); message != "" {
			d.wrong(join(path, "uri"), message)
		}
	}
	if m.Database != "" && (len(m.Database) > 63 || strings.ContainsAny(string(m.Database), "/\\. \"$*<>:|?\x00")) {
		d.wrong(join(path, "database"), "it is no name of a database")
	}
	if m.Collection != "" && (strings.ContainsAny(string(m.Collection), "$\x00") || strings.HasPrefix(string(m.Collection), "system.")) {
		d.wrong(join(path, "collection"), "it is no name of a collection")
	}
	if r := time.Duration(m.Retention); r%time.Second != 0 || r > math.MaxInt32*time.Second {
		d.wrong(join(path, "retention"), "it must be whole seconds, at most 2147483647 of them")
	}
	if m.Retention > 0 && m.Indexes == flagFalse {
		d.wrong(join(path, "retention"), "it needs an index, and indexes is false")
	}
	if c := m.WriteConcern; c != nil && !c.concern().Acknowledged() {
		d.wrong(join(path, "write_concern", "w"), "the server must acknowledge what it was given")
	}
}

// concern returns the write concern, with the exporter's defaults for what is not given.
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

// safeTexts are what the driver says of a URI without quoting it.
var safeTexts = []string{
	`scheme must be "mongodb" or "mongodb+srv"`, "must have at least 1 host", "unescaped slash in username", "unescaped colon in password",
	"unescaped slash in password", "unescaped @ sign in user info", "must have a / before the query ?", "port must be an integer",
	"port must be in the range", "must have a ? separator", "must have a / separator", "invalid auth mechanism", "username required",
	"password required", "password cannot be specified", "authSource must be non-empty", "auth source must be $external",
}

// checkURI returns what is wrong with a URI, without quoting it. It asks no name server,
// so that of mongodb+srv only what both schemes have is checked.
func checkURI(uri string) string {
	if host, is := strings.CutPrefix(uri, "mongodb+srv://"); is {
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
		return "a file that it names cannot be read: " + file.Err.Error()
	}
	for _, text := range safeTexts {
		if strings.Contains(err.Error(), text) {
			return "it is no valid URI: " + text
		}
	}
	return "it is no valid URI"
}

func (m *mongodbModel) open(ctx context.Context, b *builder, path string) export.Exporter {
	client, err := mongo.Connect(options.Client().ApplyURI(m.URI.reveal()))
	if err != nil {
		b.decoder.wrong(join(path, "uri"), "no client can be made of it") // the driver quotes it
		return nil
	}
	collection := client.Database(cmp.Or(string(m.Database), DefaultDatabase)).
		Collection(cmp.Or(string(m.Collection), DefaultCollection))
	opts := []mongodb.Option{mongodb.WithName(m.name()), mongodb.WithRetention(time.Duration(m.Retention))}
	if m.Indexes == flagFalse {
		opts = append(opts, mongodb.WithoutIndexes())
	}
	if m.WriteConcern != nil {
		opts = append(opts, mongodb.WithWriteConcern(m.WriteConcern.concern()))
	}
	if l := b.config.settings.logger; l != nil {
		opts = append(opts, mongodb.WithLogger(l))
	}
	e, err := mongodb.New(ctx, collection, opts...)
	if err != nil {
		b.failed(join(path, "uri"), err)
		_ = client.Disconnect(ctx) // nothing was written
		return nil
	}
	return &owned{Exporter: e, release: client.Disconnect}
}
