// Package source opens the stores that deed asks.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// DefaultDir is the ledger that is asked if nothing else is named and it exists.
const DefaultDir = "audit-ledger"

const (
	releaseTimeout = 5 * time.Second
	serverTimeout  = 10 * time.Second // how long a server may take to be found
)

// Set is what a command asks: one store, or several as one.
type Set struct {
	// Reader asks all of the stores.
	Reader query.Reader
	// Names says which stores they are, without credentials.
	Names []string
	// Dirs are the directories of those that are ledgers.
	Dirs []string
	// Policies are those of the configuration files.
	Policies []*policy.Policy
	// Notes say what was left out, and why nothing is missing.
	Notes []string

	options Options
	sources []query.Source
	ledgers map[string]string       // the directory of each source that is a ledger, by its name
	archive map[string]query.Reader // the archives of configurations, by their names
	closers []func(context.Context) error
}

// Options says how ledgers are opened.
type Options struct {
	// From is what names the stores, --from or DEED_FROM. Errors begin with it.
	From string

	GroupWritable bool
	// IndexCache is the directory for indexes of ledgers that have none; empty: none. It does
	// not matter whether it can be used if nobody has chosen it.
	IndexCache string
	Chosen     bool
}

func (o Options) ledger() []ledger.Option {
	if o.GroupWritable {
		return []ledger.Option{ledger.WithGroupWritable()}
	}
	return nil
}

// Open opens the stores that the texts name: the directory of a ledger or of archives, the URL of
// a MongoDB collection or of a bucket with archives, or a configuration file. Without any, it
// opens those of the configuration of the environment, or else the ledger in [DefaultDir].
func Open(ctx context.Context, opts Options, from ...string) (*Set, error) {
	s := &Set{options: opts, ledgers: map[string]string{}, archive: map[string]query.Reader{}}
	err := s.open(ctx, opts, from)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.Reader = s.union()
	return s, nil
}

// union returns the reader of all stores.
func (s *Set) union() query.Reader {
	if len(s.sources) == 1 {
		return s.sources[0].Reader
	}
	all := query.Union(s.sources...)
	if counter, ok := s.sources[0].Reader.(query.Counter); ok && len(s.sources) == 2 && s.archive[s.sources[1].Name] != nil {
		return &ledgerCounter{Reader: all, counter: counter, archives: s.archive[s.sources[1].Name]}
	}
	return all
}

// Close closes connections.
func (s *Set) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	for _, closeOne := range s.closers {
		_ = closeOne(ctx) // everything has been read
	}
}

func (s *Set) open(ctx context.Context, opts Options, from []string) error {
	if len(from) == 0 {
		return s.openDefault(ctx, opts)
	}
	for _, text := range from {
		if err := s.openOne(ctx, opts, text); err != nil {
			return err
		}
	}
	return nil
}

// ErrNowhere means that nothing says which store to ask.
var ErrNowhere = errors.New("nothing says which trail to ask; name it with --from: the directory of a ledger, " +
	"a URL such as mongodb://localhost/audit.records or s3://bucket/prefix, or a configuration file; or set DEED_FROM")

func (s *Set) openDefault(ctx context.Context, opts Options) error {
	if os.Getenv(config.FileVariable) != "" || os.Getenv("AUDIT_LEDGER_DIR") != "" || os.Getenv("AUDIT_MONGODB_URI") != "" {
		return s.openConfig(ctx, opts, "")
	}
	if _, err := os.Stat(DefaultDir); errors.Is(err, fs.ErrNotExist) {
		return ErrNowhere
	}
	return s.openLedger(opts, DefaultDir)
}

func (s *Set) openOne(ctx context.Context, opts Options, from string) error {
	if scheme, _, ok := strings.Cut(from, "://"); ok {
		switch scheme {
		case "mongodb", "mongodb+srv":
			return s.openMongoDB(opts, from)
		case "s3":
			return s.openArchives(ctx, from)
		}
		return fmt.Errorf("%s: %s is not the scheme of a store; use mongodb, mongodb+srv or s3, a directory, or a configuration file", opts.From, scheme)
	}
	info, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %s does not exist; name the directory of a ledger, or a configuration file", opts.From, from)
	case err != nil:
		return fmt.Errorf("%s: %w", opts.From, err)
	case info.IsDir():
		if isArchive(from) {
			return s.openArchives(ctx, from)
		}
		return s.openLedger(opts, from)
	}
	return s.openConfig(ctx, opts, from)
}

func (s *Set) add(name string, reader query.Reader) {
	s.Names = append(s.Names, name)
	s.sources = append(s.sources, query.Source{Name: name, Reader: reader})
}

func (s *Set) addLedger(dir string, reader query.Reader) {
	name := filepath.Clean(dir)
	s.ledgers[name] = dir
	s.Dirs = append(s.Dirs, dir)
	s.add(name, reader)
}

// Ledger returns the reader of the ledger in one of Dirs, or nil.
func (s *Set) Ledger(dir string) *ledgerquery.Reader {
	for _, source := range s.sources {
		if reader, ok := source.Reader.(*ledgerquery.Reader); ok && s.ledgers[source.Name] == dir {
			return reader
		}
	}
	return nil
}

func (s *Set) openLedger(opts Options, dir string) error {
	reader, err := ledgerquery.NewReader(dir, opts.ledger()...)
	if err != nil {
		return ledgerError(dir, err)
	}
	if err := opts.cacheIndexes(reader); err != nil {
		return err
	}
	s.addLedger(dir, reader)
	return nil
}

// cacheIndexes gives a reader of a ledger the directory for indexes.
func (o Options) cacheIndexes(reader query.Reader) error {
	r, ok := reader.(*ledgerquery.Reader)
	if !ok || o.IndexCache == "" {
		return nil
	}
	if err := r.CacheIndexes(o.IndexCache); err != nil && o.Chosen {
		return fmt.Errorf("%w; name another directory with --index-cache, or none", err)
	}
	return nil
}

// ledgerError adds what to do.
func ledgerError(dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s has no ledger; name the directory that the service passes to sdk.WithLedger, or ledger.dir of its configuration", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; run deed as the user of the service, or as one who may read the directory", err)
	case errors.Is(err, ledger.ErrInsecure):
		return fmt.Errorf("%w; if a group may write there on purpose, add --group-writable", err)
	}
	return err
}

func (s *Set) openConfig(ctx context.Context, opts Options, path string) error {
	c, err := config.Load(ctx, config.WithFile(path))
	if err != nil {
		return fmt.Errorf("%w; deed config check explains a configuration", err)
	}
	sources, release, err := c.Readers()
	s.closers = append(s.closers, release)
	if err != nil {
		return ledgerError(c.LedgerDir(), err)
	}
	if len(sources) == 0 {
		return fmt.Errorf("%s has no store that can be asked, which are a ledger and exporters to MongoDB; name another with --from", cmp.Or(path, "the configuration"))
	}
	for _, source := range sources {
		if source.Name == "ledger" {
			if err := opts.cacheIndexes(source.Reader); err != nil {
				return err
			}
			s.addLedger(c.LedgerDir(), source.Reader)
			continue
		}
		s.add(source.Name, source.Reader)
	}
	if p := c.Policy(); p != nil {
		s.Policies = append(s.Policies, p)
	}
	return s.openRetained(ctx, opts, c)
}

func (s *Set) openMongoDB(opts Options, from string) error {
	name, reader, release, err := OpenMongoDB(from)
	if err != nil {
		return fmt.Errorf("%s: %w", opts.From, err)
	}
	s.closers = append(s.closers, release)
	s.add(name, reader)
	return nil
}

// OpenMongoDB returns a reader of the collection that OpenCollection opens.
func OpenMongoDB(from string) (name string, reader *mongodb.Reader, release func(context.Context) error, err error) {
	name, collection, release, err := OpenCollection(from)
	if err != nil {
		return "", nil, nil, err
	}
	return name, mongodb.NewReader(collection), release, nil
}

// OpenCollection opens the collection of a URL such as mongodb://host/database.collection. It does not
// connect yet. The name has no credentials. The caller calls release.
func OpenCollection(from string) (name string, collection *mongo.Collection, release func(context.Context) error, err error) {
	u := splitURL(from)
	uri := u.scheme + "://" + u.user + u.hosts + "/"
	if u.user != "" && !strings.Contains(strings.ToLower(u.query), "authsource=") {
		uri += u.database // the driver takes it as the database of the user
	}
	client, err := mongo.Connect(options.Client().SetServerSelectionTimeout(serverTimeout).SetAppName("deed").ApplyURI(uri + u.query))
	if err != nil { // it would quote the credentials
		return "", nil, nil, errors.New("the URL of MongoDB is not valid; write mongodb://host/database.collection")
	}
	name = u.scheme + "://" + u.hosts + "/" + u.database + "." + u.collection
	return name, client.Database(u.database).Collection(u.collection), client.Disconnect, nil
}

// mongoURL has the parts of a URL. User ends with @, and query begins with ?, unless they
// are empty. There may be several hosts, so it is no URL of package url.
type mongoURL struct{ scheme, user, hosts, database, collection, query string }

func splitURL(text string) (u mongoURL) {
	u.scheme, text, _ = strings.Cut(text, "://")
	if i := strings.IndexByte(text, '?'); i >= 0 {
		text, u.query = text[:i], text[i:]
	}
	text, path, _ := strings.Cut(text, "/")
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		u.user, text = text[:i+1], text[i+1:]
	}
	u.hosts = text
	u.database, u.collection, _ = strings.Cut(path, ".")
	u.database = cmp.Or(u.database, config.DefaultMongoDBDatabase)
	u.collection = cmp.Or(u.collection, config.DefaultMongoDBCollection)
	return u
}
