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

	// AtLeast reports whether there are more records: the time was over.
	AtLeast bool
	// Back is the time of the oldest record that was counted, if AtLeast is true.
	Back time.Time
}

// count counts the records of a filter: by the index of the store, or, where that cannot
// answer, the newest ones within the budget of a page. If complete is true it has the time of
// the whole page. It returns nil if nothing could be counted.
func (v *visit) count(f query.Filter, by query.Facets, complete bool) *counted {
	f.After, f.Limit, f.Ascending = "", 0, false
	budget := v.countBudget
	if complete {
		budget = v.queryTimeout
	}
	ctx, cancel := context.WithTimeout(v.ctx, budget)
	defer cancel()
	counts, err := v.reader.CountRecords(ctx, f, by)
	if counts != nil && err == nil {
		return &counted{Counts: counts}
	}
	if ctx.Err() != nil { // the index took the whole time
		ctx, cancel = context.WithTimeout(v.ctx, budget)
		defer cancel()
	}
	read := &oldest{reader: v.reader}
	counts, err = query.Count(ctx, read, f, by)
	if counts == nil || counts.Records == 0 && err != nil {
		return nil
	}
	c := &counted{Counts: counts, AtLeast: err != nil}
	if c.AtLeast {
		c.Back = read.time
		if !errors.Is(err, context.DeadlineExceeded) { // a part that cannot be read
			v.onError(v.ctx, err)
		}
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
