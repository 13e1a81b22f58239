package retention

import (
	"context"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// CoveringHolds returns the names of the holds in force that cover a subject, such as a person
// whose values are about to be erased: holds whose filter names it as an actor or as a target,
// and holds that select a record for which has returns true. It asks the reader, which should
// have all records of all stores, for the records of each hold. If one of them cannot be read,
// the error says so, and nothing should be erased.
func CoveringHolds(ctx context.Context, store archive.Store, reader query.Reader, subject audit.Target, has func(*record.Record) bool) (names []string, err error) {
	all, err := Holds(ctx, store)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if !all[i].Lifted.IsZero() {
			continue
		}
		covers := namesSubject(&all[i].Filter, subject)
		if !covers {
			covers, err = selects(ctx, reader, all[i].Filter, has)
		}
		if err != nil {
			return nil, err
		}
		if covers {
			names = append(names, all[i].Name)
		}
	}
	return names, nil
}

// namesSubject reports whether a filter has a subject as an actor or as a target.
func namesSubject(f *query.Filter, subject audit.Target) bool {
	var anyType audit.ActorType
	is := func(a audit.Actor) bool {
		return (a.Type == anyType || a.Type.String() == subject.Type) && a.ID == subject.ID
	}
	return slices.ContainsFunc(f.Actors, is) || slices.ContainsFunc(f.OnBehalfOf, is) ||
		slices.ContainsFunc(f.Targets, func(t audit.Target) bool {
			return (t.Type == "" || t.Type == subject.Type) && t.ID == subject.ID
		})
}

// selects reports whether a filter selects a record for which has returns true.
func selects(ctx context.Context, reader query.Reader, f query.Filter, has func(*record.Record) bool) (bool, error) {
	for r, err := range reader.Find(ctx, f) {
		if err != nil {
			return false, err
		}
		if has(r) {
			return true, nil
		}
	}
	return false, nil
}
