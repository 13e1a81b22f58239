package viewer

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// counted are counts for which there was a limited time.
type counted struct {
	*query.Counts

	// AtLeast reports whether there are more records than Counts.Records: the time was over.
	AtLeast bool
	// Back is the time before which not all records were counted, or zero. All values are marked.
	Back time.Time
}

// count counts the records of a filter: by the index of the store where it can, and otherwise
// the newest ones within the budget of a page. If complete is true it has the time of the whole
// page. It returns nil if nothing could be counted, or if too many others count. Counts that
// took long are a few seconds old.
func (v *visit) count(f query.Filter, by query.Facets, complete bool) *counted {
	f.After, f.Limit, f.Ascending = "", 0, false
	budget, wait := v.countBudget, 2*v.countBudget
	by.Quick = !complete
	if complete {
		budget, wait = v.queryTimeout, v.queryTimeout
	} else if key, ok := v.countKey(f, by, true); ok {
		if all := v.counts.find(key); all != nil {
			return all
		}
	}
	key, ok := v.countKey(f, by, complete)
	if !ok {
		return nil // it was validated
	}
	return v.counts.get(v.ctx, wait, key, func() (*counted, bool) {
		ctx, cancel := context.WithTimeout(v.ctx, budget)
		defer cancel()
		return v.countNow(ctx, f, by), v.ctx.Err() != nil
	})
}

// countNow counts until ctx ends.
func (v *visit) countNow(ctx context.Context, f query.Filter, by query.Facets) *counted {
	if counts, err := v.reader.CountRecords(ctx, f, by); err == nil {
		return &counted{Counts: counts, AtLeast: !counts.Since.IsZero(), Back: counts.Since}
	}
	return v.read(ctx, f, by)
}

// read counts by reading records until ctx ends.
func (v *visit) read(ctx context.Context, f query.Filter, by query.Facets) *counted {
	read := &oldest{reader: v.reader}
	counts, err := query.Count(ctx, read, f, by)
	if counts == nil || counts.Records == 0 && err != nil {
		return nil
	}
	c := &counted{Counts: counts, AtLeast: err != nil}
	if err == nil {
		return c
	}
	c.Back = read.time.Add(1) // others may have this time
	for i := range counts.Facets {
		for n := range counts.Facets[i].Values {
			counts.Facets[i].Values[n].AtLeast = true
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) { // a part that cannot be read
		v.onError(v.ctx, err)
	}
	return c
}

// oldest notes how far back a search came. It hides that the store can count.
type oldest struct {
	reader query.Reader
	time   time.Time
}

// FindLines returns what the store returns.
func (o *oldest) FindLines(ctx context.Context, f query.Filter) iter.Seq2[query.Line, error] {
	return func(yield func(query.Line, error) bool) {
		for l, err := range query.Lines(ctx, o.reader, f) {
			if err == nil {
				o.time = l.Time
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// Find returns what the store returns.
func (o *oldest) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		for r, err := range o.reader.Find(ctx, f) {
			if err == nil {
				o.time = r.Time
			}
			if !yield(r, err) {
				return
			}
		}
	}
}
