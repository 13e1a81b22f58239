package retention

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
)

// archivable is a record of a collection that must be in an archive.
type archivable struct {
	id   audit.ID
	time time.Time
	data []byte
}

// archivedRecords knows the archives of a collection, whose records have no numbers. It looks
// for records that an apply has archived which was killed before it removed them.
type archivedRecords struct {
	store archive.Store
	log   string
	known map[string]*archive.Manifest // by name; nil if it cannot be read
}

func newArchivedRecords(store archive.Store, log string) *archivedRecords {
	return &archivedRecords{store: store, log: log, known: map[string]*archive.Manifest{}}
}

// missing returns those of the records that no verified archive of the class has, in order, and
// the archives that have the others.
func (k *archivedRecords) missing(ctx context.Context, class string, records []archivable) (left []archivable, found []*archive.Archive, err error) {
	wanted := make(map[audit.ID][]byte, len(records))
	oldest, newest := records[0].time, records[len(records)-1].time // in order
	for _, r := range records {
		wanted[r.id] = r.data
	}
	for object, err := range k.store.List(ctx, (&archive.Meta{Log: k.log, Class: class}).Prefix()) {
		if err != nil {
			return nil, nil, err
		}
		if m, err := k.manifest(ctx, object.Name); err != nil {
			return nil, nil, err
		} else if m == nil || m.Class != class || m.Log != k.log || m.Newest.Before(oldest) || m.Oldest.After(newest) {
			continue
		}
		a, err := k.find(ctx, object.Name, wanted)
		if err != nil {
			return nil, nil, err
		}
		if a != nil {
			found = append(found, a)
		}
	}
	for _, r := range records {
		if _, ok := wanted[r.id]; ok {
			left = append(left, r)
		}
	}
	return left, found, nil
}

// manifest returns the manifest of an archive, or nil.
func (k *archivedRecords) manifest(ctx context.Context, name string) (*archive.Manifest, error) {
	if m, ok := k.known[name]; ok || !strings.HasSuffix(name, archiveSuffix) {
		return m, nil
	}
	a, err := archive.Open(ctx, k.store, name)
	if _, corrupt := errors.AsType[*archive.CorruptError](err); corrupt {
		k.known[name] = nil
		return nil, nil //nolint:nilnil // an archive that cannot be read has no records
	}
	if err != nil {
		return nil, err
	}
	m := a.Manifest()
	m.Parts = nil
	k.known[name] = &m
	return &m, nil
}

// find deletes from wanted the records that an archive has. It returns the archive, or nil if it
// has none, or is damaged.
func (k *archivedRecords) find(ctx context.Context, name string, wanted map[audit.ID][]byte) (*archive.Archive, error) {
	a, err := archive.Open(ctx, k.store, name)
	if err == nil {
		err = a.Verify(ctx)
	}
	if _, corrupt := errors.AsType[*archive.CorruptError](err); corrupt {
		return nil, nil //nolint:nilnil // the records are archived again
	}
	if err != nil {
		return nil, err
	}
	has := false
	for e, err := range a.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		r, err := e.Record()
		if err != nil {
			continue
		}
		if data, ok := wanted[r.ID]; ok && bytes.Equal(data, e.Data) {
			delete(wanted, r.ID)
			has = true
		}
	}
	if !has {
		return nil, nil //nolint:nilnil // nothing is there
	}
	return a, nil
}

// archive makes sure that verified archives have the records of a class, records that, and
// returns the names of the archives.
func (w *collectionWork) archive(ctx context.Context, class string, records []archivable) (names []string, err error) {
	left, archives, err := w.archived.missing(ctx, class, records)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 {
		meta := archive.Meta{Log: w.name, Class: class, Policy: w.options.Policy.ID()}
		a, err := archive.Create(ctx, w.options.Store, meta, entriesOf(left))
		if err != nil {
			return nil, err
		}
		archives = append(archives, a)
	}
	for _, a := range archives {
		if err := trackArchive(ctx, w.options, a); err != nil {
			return names, err
		}
		names = append(names, a.Manifest().Name)
	}
	return names, nil
}

func entriesOf(records []archivable) iter.Seq2[archive.Entry, error] {
	return func(yield func(archive.Entry, error) bool) {
		for _, r := range records {
			if !yield(archive.Entry{Data: r.data}, nil) {
				return
			}
		}
	}
}
