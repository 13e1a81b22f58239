package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/s3"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// archiveSuffix is that of the objects of package archive.
const archiveSuffix = ".jsonl.zst"

// maxSeen is how many files are looked at until a directory is taken for one without archives.
const maxSeen = 10_000

// isArchive reports whether a directory has archives: it, or a directory in it, has a file
// with their suffix, and it has no ledger.
func isArchive(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
		return false
	}
	errFound, seen := errors.New("found"), 0
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, archiveSuffix) {
			return errFound
		}
		if seen++; seen > maxSeen { // it is something else, such as a home directory
			return fs.SkipAll
		}
		return nil // what cannot be read is reported when it is asked
	})
	return errors.Is(err, errFound)
}

func (s *Set) openArchives(ctx context.Context, from string) error {
	a, err := OpenArchives(ctx, from)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	s.closers = append(s.closers, func(context.Context) error { return a.Close() })
	s.add(a.Name, archive.NewReader(a.Store))
	return nil
}

// openRetained opens the archives of a configuration, which have the records that its retention
// removed from the ledger or the collection. If their directory does not exist, each answer says
// so, unless the ledger still has its first entry: nothing has left it yet.
func (s *Set) openRetained(ctx context.Context, opts Options, c *config.Config) error {
	r := c.Retention()
	if r == nil {
		return nil
	}
	a, err := OpenArchives(ctx, r.Archives)
	switch {
	case err == nil:
		s.closers = append(s.closers, func(context.Context) error { return a.Close() })
		s.addArchives(a.Name, archive.NewReader(a.Store))
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		s.addArchives(r.Archives, unreachable{fmt.Errorf("retention.archives of the configuration: %w", err)})
		return nil
	case r.Store == "" && isWhole(c.LedgerDir(), opts):
		s.Notes = append(s.Notes, fmt.Sprintf("%s does not exist, where archives will be; the ledger has all its entries", r.Archives))
		return nil
	}
	s.addArchives(r.Archives, unreachable{MissingArchives(r.Archives)})
	return nil
}

func (s *Set) addArchives(name string, reader query.Reader) {
	s.archive[name] = reader
	s.add(name, reader)
}

// ledgerCounter counts by the index of a ledger if its archives have no match.
type ledgerCounter struct {
	query.Reader

	counter  query.Counter
	archives query.Reader
}

// CountRecords implements query.Counter.
func (c *ledgerCounter) CountRecords(ctx context.Context, f query.Filter, by query.Facets) (*query.Counts, error) {
	counts, err := c.counter.CountRecords(ctx, f, by)
	if err != nil {
		return counts, err
	}
	// A record is in the archives before it leaves the ledger, so they are asked last.
	f.Limit = 1
	for r, err := range c.archives.Find(ctx, f) {
		if r != nil || err != nil {
			return nil, errors.ErrUnsupported // a search returns copies once, and says what cannot be read
		}
	}
	return counts, nil
}

// isWhole reports whether nothing was removed from a ledger.
func isWhole(dir string, opts Options) bool {
	r, err := ledger.OpenReader(dir, opts.ledger()...)
	if err != nil {
		return false
	}
	defer func() { _ = r.Close() }() // read only
	stats, err := r.Stats()
	return err == nil && stats.First <= 1
}

// MissingArchives returns the error for a directory of archives that does not exist. It is not
// made: if it was not mounted, its records and holds would be forgotten.
func MissingArchives(dir string) error {
	return fmt.Errorf("%s does not exist, where the archives and the holds are; mount it, or make the directory if nothing was archived or held yet", dir)
}

// unreachable is the reader of a store that could not be opened.
type unreachable struct{ err error }

// Find yields why.
func (u unreachable) Find(context.Context, query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) { yield(nil, u.err) }
}

// Archives is an open store of archives and holds.
type Archives struct {
	archive.Store

	// Name is the path of the directory, or the URL of the bucket.
	Name string

	close func() error
}

// Close releases the store. Its objects are durable without it.
func (a *Archives) Close() error { return a.close() }

// OpenArchives opens the store of archives at a location of package archive. If its directory does
// not exist, the error matches fs.ErrNotExist. A bucket is asked only when it is used.
func OpenArchives(ctx context.Context, location string) (*Archives, error) {
	l, err := archive.ParseLocation(location)
	if err != nil {
		return nil, err
	}
	if l.Bucket != "" {
		store, err := s3.Open(ctx, l)
		if err != nil {
			return nil, err
		}
		return &Archives{Store: store, Name: l.String(), close: func() error { return nil }}, nil
	}
	dir, err := archive.OpenDir(l.Dir)
	if err != nil {
		return nil, err
	}
	return &Archives{Store: dir, Name: filepath.Clean(l.Dir), close: dir.Close}, nil
}
