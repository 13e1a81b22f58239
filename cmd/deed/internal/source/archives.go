package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/s3"
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
	a, err := OpenArchives(ctx, from, false)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	s.closers = append(s.closers, func(context.Context) error { return a.Close() })
	s.add(a.Name, archive.NewReader(a.Store))
	return nil
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

// OpenArchives opens the store of archives at a location of package archive. If create is set, it
// creates a directory that does not exist; otherwise the error matches fs.ErrNotExist. A bucket
// must exist, and is asked only when it is used.
func OpenArchives(ctx context.Context, location string, create bool) (*Archives, error) {
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
	open := archive.OpenDir
	if create {
		open = archive.CreateDir
	}
	dir, err := open(l.Dir)
	if err != nil {
		return nil, err
	}
	return &Archives{Store: dir, Name: filepath.Clean(l.Dir), close: dir.Close}, nil
}
