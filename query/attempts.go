package query

import (
	"context"
	"iter"
	"math"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// openBatch is how many attempts are looked up at once.
const openBatch = 256

// OpenAttempts returns the records that match f and began attempts of which the store has no
// end. Filter.Stages must be empty. An attempt that has just begun has no end yet: set
// Filter.Until to leave those out.
//
// A ledger that finds an open attempt when it is opened again ends it, by a record of the
// system actor "audit-recovery" with an unknown outcome. That is an end too.
//
// It reads the ends of 256 attempts at a time, whenever they happened, and holds these
// records. If a part of the store cannot be read, it yields the error and continues; the end
// of an attempt that it returns may be in that part.
func OpenAttempts(ctx context.Context, reader Reader, f Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if len(f.Stages) > 0 {
			yield(nil, &FilterError{"Stages", "it must be empty for open attempts"})
			return
		}
		if err := f.Validate(); err != nil {
			yield(nil, err)
			return
		}
		o := openAttempts{ctx: ctx, reader: reader, yield: yield, remaining: f.Limit, reported: map[string]bool{}}
		if f.Limit == 0 {
			o.remaining = math.MaxInt
		}
		f.Stages, f.Limit = []Stage{StageBegin}, 0 // most attempts have an end
		for r, err := range reader.Find(ctx, f) {
			if err != nil {
				if !o.report(err) {
					return
				}
				continue
			}
			if o.batch = append(o.batch, r); len(o.batch) == min(openBatch, o.remaining) && !o.flush() {
				return
			}
		}
		o.flush()
	}
}

// openAttempts is the state of one OpenAttempts.
type openAttempts struct {
	ctx       context.Context
	reader    Reader
	yield     func(*record.Record, error) bool
	batch     []*record.Record
	remaining int
	reported  map[string]bool // errors, which every Find may yield again
}

// maxReported is how many errors are recognized when they are repeated.
const maxReported = 1000

// report yields an error once. It reports whether to continue.
func (o *openAttempts) report(err error) bool {
	text := err.Error()
	if o.reported[text] {
		return true
	}
	if len(o.reported) < maxReported {
		o.reported[text] = true
	}
	return o.yield(nil, err)
}

// flush yields the attempts of the batch that have no end. It reports whether to continue.
func (o *openAttempts) flush() bool {
	if len(o.batch) == 0 {
		return true
	}
	ends := Filter{Stages: []Stage{StageEnd}}
	for _, r := range o.batch {
		ends.Attempts = append(ends.Attempts, r.ID)
	}
	ended := map[audit.ID]bool{}
	for r, err := range o.reader.Find(o.ctx, ends) {
		if err != nil {
			if !o.report(err) {
				return false
			}
			continue
		}
		ended[r.Attempt] = true
	}
	if o.ctx.Err() != nil {
		return false // reported
	}
	open := slices.DeleteFunc(o.batch, func(r *record.Record) bool { return ended[r.ID] })
	for _, r := range open {
		if !o.yield(r, nil) {
			return false
		}
		o.remaining--
	}
	o.batch = nil
	return o.remaining > 0
}
