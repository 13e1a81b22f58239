package viewer

import (
	"context"
	"iter"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// life returns a reader of the records of an object, with those within a filter. Nobody knows how
// many there are without reading them. So it reads as many as a page keeps, which then serve the
// page from memory. If there are more, reading them all is an expensive search.
func (v *visit) life(target audit.Target, within query.Filter) (query.Reader, error) {
	within.Targets, within.Ascending, within.Limit = []audit.Target{target}, true, maxVersions+1
	var few fewRecords
	records := 0
	for r, err := range v.reader.Find(v.ctx, within) {
		few = append(few, found{r, err})
		if err == nil {
			records++
		}
	}
	if records <= maxVersions {
		return few, nil
	}
	if err := v.admitSearch(); err != nil {
		return nil, err
	}
	return v.reader, nil
}

// fewRecords are the results of a search.
type fewRecords []found

// found is a record, or an error of a part that could not be read.
type found struct {
	record *record.Record
	err    error
}

// Find returns the results, whatever the filter is.
func (f fewRecords) Find(context.Context, query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for _, one := range f {
			if !yield(one.record, one.err) {
				return
			}
		}
	}
}
