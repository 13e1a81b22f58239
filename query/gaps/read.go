package gaps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// The reasons of spans.
const (
	reasonKilled    = "the process did not close its epoch: it was killed, or the machine failed"
	reasonOpen      = "the epoch is not closed: the process runs, or was killed"
	reasonNone      = "no epoch was open: either no process ran, or it did not count"
	reasonDecreased = "a later record of the epoch has lower counts: the clock was set back, or a record is not genuine"
)

// maxErrors is how many errors Read returns.
const maxErrors = 16

// Read reports what is missing from since to until. A zero since is the time at which the first
// epoch was opened. A zero until, or one in the future, is now. Read reads the records of all
// epochs, and keeps three of each in memory. An epoch has one record for each interval at most.
//
// If a part of the store cannot be read, the report is that of the rest, and the error says what
// was not read. Then more may be unknown, and nothing else.
func Read(ctx context.Context, reader query.Reader, since, until time.Time) (*Report, error) {
	if now := time.Now(); until.IsZero() || until.After(now) {
		until = now
	}
	if until.Before(since) {
		return nil, &query.FilterError{Field: "Until", Reason: "it is before Since"}
	}
	f := fold{since: since, until: until, epochs: map[string]*epoch{}}
	var errs []error
	filter := query.Filter{
		Actions: []string{semconv.ActionEpochOpen, semconv.ActionEpochCount, semconv.ActionEpochClose}, ActorTypes: []audit.ActorType{audit.ActorSystem},
		TargetTypes: []string{semconv.TargetEpoch},
	}
	for r, err := range reader.Find(ctx, filter) {
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			f.add(r)
		case len(errs) < maxErrors:
			errs = append(errs, err)
		}
	}
	return f.report(), errors.Join(errs...)
}

// fold has what a report needs of the records. They may come in any order.
type fold struct {
	since, until time.Time
	epochs       map[string]*epoch
}

// epoch is what is known of one epoch.
type epoch struct {
	id, service, source string

	opened time.Time
	closed bool
	first  time.Time // of its records, or opened
	last   reading
	base   reading // the last at or before since, or zero
	end    reading // the first at or after until, or zero

	added reading // the one that was added last
	most  reading // the one with the highest counts
	// contradictory means that a later record has lower counts, so the times of its records do
	// not say what was counted when.
	contradictory bool
}

// reading has the counts at a time.
type reading struct {
	time   time.Time
	counts Counts
}

func (f *fold) add(r *record.Record) {
	opened, err := time.Parse(time.RFC3339Nano, textOf(r.Metadata, semconv.EpochOpenedKey))
	if err != nil {
		return // not a record of sdk.WithGapRecords
	}
	e := f.epochs[r.Target.ID]
	if e == nil {
		e = &epoch{id: r.Target.ID, opened: opened, first: opened, service: textOf(r.Resource.Attributes(), "service.name")}
		e.added.time = opened // it counts from zero
		f.epochs[e.id] = e
	}
	e.source = cmp.Or(e.source, textOf(r.Metadata, semconv.EpochSourceKey))
	e.closed = e.closed || r.Action == semconv.ActionEpochClose
	at := reading{r.Time, countsOf(r)}
	e.check(at)
	if !at.time.Before(e.last.time) {
		e.last = at
	}
	if !at.time.After(f.since) && !at.time.Before(e.base.time) {
		e.base = at
	}
	if !at.time.Before(f.until) && (e.end.time.IsZero() || at.time.Before(e.end.time)) {
		e.end = at
	}
}

// check compares a reading with the one before it. Readers return records in the order of time, so
// each meets its neighbors; in another order less is found, and nothing that is not there.
func (e *epoch) check(at reading) {
	opened := reading{time: e.opened}
	e.contradictory = e.contradictory || e.added.contradicts(&at) || opened.contradicts(&at)
	e.added, e.first = at, earlier(e.first, at.time)
	if _, ok := at.counts.minus(&e.most.counts); ok {
		e.most = at
	}
}

// contradicts reports whether the later one of two readings has lower counts.
func (r *reading) contradicts(other *reading) bool {
	from, to := r, other
	if to.time.Before(from.time) {
		from, to = to, from
	}
	_, ok := to.counts.minus(&from.counts)
	return !ok && !from.time.Equal(to.time)
}

func textOf(kvs []attribute.KeyValue, key attribute.Key) string {
	for _, kv := range kvs {
		if kv.Key == key {
			return kv.Value.AsString()
		}
	}
	return ""
}

// report returns the report of the records.
func (f *fold) report() *Report {
	all := slices.SortedFunc(maps.Values(f.epochs), func(a, b *epoch) int {
		return cmp.Or(a.opened.Compare(b.opened), cmp.Compare(a.id, b.id))
	})
	if f.since.IsZero() && len(all) > 0 {
		f.since = earlier(all[0].opened, f.until)
	}
	r := &Report{Since: f.since, Until: f.until, Epochs: []Epoch{}}
	reached := f.since // up to here some epoch was open
	for i, e := range all {
		finish, ended := e.finish(all[i+1:])
		if !ended || finish.After(f.until) {
			finish = f.until
		}
		begin := later(e.first, f.since)
		if e.first.After(f.until) || ended && finish.Before(f.since) {
			continue
		}
		if begin.After(reached) {
			r.Idle = append(r.Idle, Span{From: reached, To: begin, Reason: reasonNone})
		}
		reached = later(reached, finish)
		f.addEpoch(r, e, finish, ended)
	}
	if len(r.Epochs) == 0 {
		r.Unknown = append(r.Unknown, Span{From: f.since, To: f.until, Reason: reasonNone})
	} else if reached.Before(f.until) {
		r.Idle = append(r.Idle, Span{From: reached, To: f.until, Reason: reasonNone})
	}
	return r
}

// finish returns when the epoch ended at the latest, given those that were opened later. ended is
// false if that is not known.
func (e *epoch) finish(next []*epoch) (at time.Time, ended bool) {
	if e.closed {
		return e.last.time, true
	}
	for _, n := range next {
		if e.source != "" && n.source == e.source {
			return n.opened, true
		}
	}
	return time.Time{}, false
}

// addEpoch adds an epoch to the report. It was open until finish, as far as the range is concerned.
func (f *fold) addEpoch(r *Report, e *epoch, finish time.Time, ended bool) {
	unknown := func(from, to time.Time, reason string) {
		if from = later(from, f.since); from.Before(to) {
			r.Unknown = append(r.Unknown, Span{From: from, To: to, Epoch: e.id, Reason: reason})
		}
	}
	base, end := e.base, e.end
	if base.time.IsZero() {
		base.time = e.opened // it counts from zero
	}
	if end.time.IsZero() {
		end = e.last
		switch {
		case e.closed:
		case ended:
			unknown(end.time, finish, reasonKilled)
		default:
			unknown(end.time, finish, reasonOpen)
		}
	}
	counts, ok := end.counts.minus(&base.counts)
	if !ok || e.contradictory {
		counts = Counts{}
		if !e.first.Before(f.since) && !e.last.time.After(f.until) {
			counts = e.most.counts // all of them are of the range
		}
		unknown(e.first, later(finish, e.last.time), reasonDecreased)
	}
	if n := e.last.counts.running(); e.closed && n > 0 && !e.last.time.After(f.until) {
		r.Unknown = append(r.Unknown, Span{
			From: e.opened, To: e.last.time, Epoch: e.id, Reason: fmt.Sprintf("%d requests had not ended when the epoch was closed", n),
		})
	}
	r.Total.add(&counts, 1)
	r.Epochs = append(r.Epochs, Epoch{
		ID: e.id, Service: e.service, Source: e.source, Opened: e.opened, Last: e.last.time, Closed: e.closed,
		From: base.time, To: end.time, Counts: counts,
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
