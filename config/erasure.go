package config

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/redact"
	"go.yaml.in/yaml/v3"
)

// erasureModel says which values are erasable, and where the keys of their subjects are.
type erasureModel struct {
	Keys   keyStoreModel   `key:"keys,required"`
	Values []erasableModel `key:"values,required"`
	Wait   duration        `key:"wait"`
}

// erasableModel makes the values of a key, or a field, erasable.
type erasableModel struct {
	Key      text         `key:"key"`
	Field    text         `key:"field"`
	Subject  subjectModel `key:"subject,required"`
	OfTenant flag         `key:"of_tenant"`
}

// keyStoreModel is a directory, or a mapping with a collection of MongoDB.
type keyStoreModel struct {
	dir   text
	mongo *keyCollectionModel
}

type keyCollectionModel struct {
	URI        secret `key:"uri,required"`
	Database   text   `key:"database"`
	Collection text   `key:"collection"`
}

// The defaults of a key store in MongoDB.
const (
	// DefaultKeyDatabase is the name of the database.
	DefaultKeyDatabase = "audit_keys"
	// DefaultKeyCollection is the name of the collection.
	DefaultKeyCollection = "subject_keys"
)

func (k *keyStoreModel) decode(d *decoder, n *yaml.Node, path string) {
	k.mongo = scalarOr[keyCollectionModel](d, n, path, &k.dir)
}

// subjectModel is a word, or a mapping with the metadata that has the subject's ID.
type subjectModel struct {
	word     subjectWord
	metadata *subjectMapping
}

type subjectWord string

func (*subjectWord) tags() []string { return []string{tagText} }

func (w *subjectWord) set(s string) *fault {
	f := oneOf(w, s, "actor", "target")
	if f != nil {
		f.message += ", or a mapping with type and metadata"
	}
	return f
}

type subjectMapping struct {
	Type     text `key:"type,required"`
	Metadata text `key:"metadata,required"`
}

func (s *subjectModel) decode(d *decoder, n *yaml.Node, path string) {
	s.metadata = scalarOr[subjectMapping](d, n, path, &s.word)
}

// subject returns the function that the model describes.
func (m *erasableModel) subject() erasure.SubjectFunc {
	f := erasure.Actor
	switch {
	case m.Subject.metadata != nil:
		f = erasure.Metadata(string(m.Subject.metadata.Type), string(m.Subject.metadata.Metadata))
	case m.Subject.word == "target":
		f = erasure.Target
	}
	if m.OfTenant == flagTrue {
		f = erasure.OfTenant(f)
	}
	return f
}

// exporter returns the model of an exporter with the collection of the keys, since both are
// checked and opened in the same way.
func (k *keyCollectionModel) exporter() *mongodbModel {
	m := &mongodbModel{URI: k.URI, Database: DefaultKeyDatabase, Collection: DefaultKeyCollection}
	if k.Database != "" {
		m.Database = k.Database
	}
	if k.Collection != "" {
		m.Collection = k.Collection
	}
	return m
}

func (e *erasureModel) check(ctx context.Context, d *decoder, path string) {
	if e == nil {
		return
	}
	if e.Keys.mongo != nil {
		e.Keys.mongo.exporter().check(ctx, d, join(path, "keys"))
	}
	if len(e.Values) == 0 && !d.hasProblem(join(path, "values")) {
		d.report(join(path, "values"), "it has no value, so nothing is erasable; remove erasure, or add one")
	}
	for i := range e.Values {
		m, at := &e.Values[i], index(join(path, "values"), i)
		switch {
		case (m.Key == "") == (m.Field == "") && !d.hasProblem(at):
			d.report(at, "it needs either key, a pattern of keys of metadata and changes, or field")
		case m.Field != "" && tryOptions(sdk.WithRedaction(redact.WithFieldStrategy(string(m.Field), redact.Mask()))) != nil:
			d.report(join(at, "field"), "it must be one of actor.name, target.name, covers.name, reason, failure")
		}
	}
}

// open returns the key store. The caller releases it.
func (k *keyStoreModel) open(create bool) (keys erasure.KeyStore, release func(context.Context) error, err error) {
	if k.mongo != nil {
		collection, err := k.mongo.exporter().connect("erasure.keys")
		if err != nil {
			return nil, nil, err
		}
		return mongodb.NewKeyStore(collection), collection.Database().Client().Disconnect, nil
	}
	open := erasure.OpenDir
	if create {
		open = erasure.CreateDir
	}
	dir, err := open(string(k.dir))
	if err != nil {
		return nil, nil, err
	}
	return dir, func(context.Context) error { return dir.Close() }, nil
}

// erasable returns the options that make values erasable, and release the key store in the end.
func (b *builder) erasable() ([]sdk.Option, error) {
	e := b.config.model.Erasure
	if e == nil {
		return nil, nil
	}
	keys, release, err := e.Keys.open(true)
	if err != nil {
		return nil, err
	}
	b.keys = release
	var opts []erasure.Option
	if logger := b.config.settings.logger; logger != nil {
		opts = append(opts, erasure.WithLogger(logger))
	}
	if e.Wait > 0 {
		opts = append(opts, erasure.WithWait(time.Duration(e.Wait)))
	}
	vault, err := erasure.NewVault(keys, opts...)
	if err != nil {
		return nil, err
	}
	var strategies []redact.Option
	for i := range e.Values {
		m := &e.Values[i]
		strategy := redact.Erasable(vault.For(m.subject()))
		if m.Field != "" {
			strategies = append(strategies, redact.WithFieldStrategy(string(m.Field), strategy))
		} else {
			strategies = append(strategies, redact.WithKeyStrategy(string(m.Key), strategy))
		}
	}
	return []sdk.Option{sdk.WithRedaction(strategies...), sdk.WithCloser(release)}, nil
}

// KeyStore returns the key store of erasure. It must exist. The caller must call release, which
// closes it. A server is not asked before the store is. If the configuration has no erasable
// values, the error matches ErrNoErasure.
func (c *Config) KeyStore() (keys erasure.KeyStore, release func(context.Context) error, err error) {
	if c.model.Erasure == nil {
		return nil, nil, ErrNoErasure
	}
	return c.model.Erasure.Keys.open(false)
}

// ErrNoErasure means that a configuration has no erasable values.
var ErrNoErasure = errors.New("config: the configuration makes no values erasable; add the key erasure")
