package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
)

// Collection is a store from which single records can be removed, such as a collection of
// MongoDB. A record is identified by its ID.
type Collection interface {
	query.Reader

	// Remove removes the records with the IDs, durably. IDs without a record are no error.
	Remove(ctx context.Context, ids []audit.ID) error
	// CheckRetention returns an error if the store removes records by itself, so that no hold
	// could keep them. It says what to do.
	CheckRetention(ctx context.Context) error
}

// The limits of a batch of a collection: how many records it has, and the size of their JSON
// in bytes. They are in memory.
const (
	maxBatch      = 20_000
	maxBatchBytes = 16 << 20
	maxRemove     = 1000 // how many records are removed at once
)

// maxProblems is how many errors about records that cannot be read are returned.
const maxProblems = 20

// PlanCollection returns what ApplyCollection would do, and changes nothing. Its segment has the
// records whose time is over, and those that only a hold keeps.
//
// Name identifies the collection in archives. It must match record.NamePattern, and be the same
// each time. If records cannot be read, the plan lacks them, and the error says so.
func PlanCollection(ctx context.Context, name string, c Collection, o Options) (*Plan, error) {
	if err := o.validate(false); err != nil {
		return nil, err
	}
	w, err := newCollectionWork(ctx, name, c, &o)
	if err != nil {
		return nil, err
	}
	d, err := newDecider(ctx, &o)
	if err != nil {
		return nil, err
	}
	p := &Plan{Log: name, Policy: o.Policy.ID(), Time: d.now.UTC()}
	t := newTally()
	for i := range o.Policy.rules {
		w.after = ""
		err := w.due(ctx, d, &o.Policy.rules[i], func(_ *record.Record, data []byte, f *fate) bool {
			t.add(f, len(data))
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	if s := w.segment(t); len(s.Classes) > 0 {
		p.Segments = append(p.Segments, *s)
	}
	if err := p.complete(ctx, d, &o); err != nil {
		return nil, err
	}
	return p, w.problem()
}

// ApplyCollection removes the records of a collection whose time is over, and archives that are
// past theirs. It works in batches: it creates an archive for each class whose records are kept
// longer, reads it back, verifies and records it; then it records an attempt, removes the
// records, and records the result. Holds are read again right before.
//
// It may be killed at any time, and repeated; records that an archive has already are not
// archived again. Two should not run at the same time. If records cannot be read, it does
// everything else, and the error says so. The report is valid after an error.
//
// Name is that of PlanCollection.
func ApplyCollection(ctx context.Context, name string, c Collection, o Options) (*Report, error) {
	report := &Report{Log: name}
	if err := o.validate(true); err != nil {
		return report, err
	}
	w, err := newCollectionWork(ctx, name, c, &o)
	if err != nil {
		return report, err
	}
	for i := range o.Policy.rules {
		w.after = ""
		for more := true; more; {
			if more, err = w.apply(ctx, &o.Policy.rules[i], report); err != nil {
				return report, err
			}
		}
	}
	if err := applyExpiries(ctx, &o, report); err != nil {
		return report, err
	}
	return report, w.problem()
}

// collectionWork is the collection that is planned or changed.
type collectionWork struct {
	name       string
	collection Collection
	options    *Options
	after      string // cursor of the last record before the next batch
	seen       string // cursor of the last record that was read
	held       *tally // records that only a hold keeps
	problems   []error
	unreadable int64
	archived   *archivedRecords
	examined   examined
}

func newCollectionWork(ctx context.Context, name string, c Collection, o *Options) (*collectionWork, error) {
	if !record.ValidName(name) {
		return nil, fmt.Errorf("retention: the name of a collection must match %s", record.NamePattern)
	}
	if err := c.CheckRetention(ctx); err != nil {
		return nil, err
	}
	return &collectionWork{name: name, collection: c, options: o, held: newTally(), archived: newArchivedRecords(o.Store, name), examined: examined{progress: o.Progress}}, nil
}

// firstDue returns how old a record of the rule is when it may leave. It is zero if that is
// never.
func (r *Rule) firstDue() time.Duration {
	if r.ArchiveAfter > 0 { // which is shorter than Keep
		return r.ArchiveAfter
	}
	return r.Keep
}

// due calls yield with the records of a rule after w.after that may leave, and with those that
// only a hold keeps, the oldest first. It sets w.seen. Records of other rules are read only if
// the store cannot leave them out.
func (w *collectionWork) due(ctx context.Context, d *decider, rule *Rule, yield func(r *record.Record, data []byte, f *fate) bool) error {
	w.seen = w.after
	age := rule.firstDue()
	if age == 0 {
		return nil
	}
	filter := query.Filter{Actions: rule.Actions, Until: d.now.Add(-age).Add(time.Nanosecond), Ascending: true, After: w.after}
	if filter.Validate() != nil { // it has a pattern that no action can match
		filter.Actions = nil
	}
	for r, err := range w.collection.Find(ctx, filter) {
		var data []byte
		if err == nil {
			data, err = r.AppendJSON(nil)
		}
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			w.unreadable++
			if len(w.problems) < maxProblems {
				w.problems = append(w.problems, err)
			}
			continue
		}
		if f := d.decide(r); f.class == rule.Name && (f.action != actionKeep || f.blocked) && !yield(r, data, &f) {
			return nil
		}
		w.seen = query.CursorOf(r)
		w.examined.add(-1)
	}
	return nil
}

// problem returns what could not be read.
func (w *collectionWork) problem() error {
	if w.unreadable == 0 {
		return nil
	}
	return fmt.Errorf("retention: records of %s could not be read, and are kept: %w", w.name, errors.Join(w.problems...))
}

// segment returns the records of a tally.
func (w *collectionWork) segment(t *tally) *Segment {
	s := &Segment{Damaged: w.unreadable}
	t.fill(s)
	s.Remove = slices.ContainsFunc(s.Classes, func(c Class) bool { return c.Archive+c.Remove > 0 })
	for _, c := range s.Classes {
		s.Bytes += c.Bytes
	}
	return s
}

// batch is what leaves a collection together.
type batch struct {
	ids     []audit.ID
	classes map[string][]archivable // what must be in an archive
	bytes   int
	tally   *tally
}

// apply removes a batch of a rule's records. more is false if nothing is left.
func (w *collectionWork) apply(ctx context.Context, rule *Rule, report *Report) (more bool, err error) {
	d, err := newDecider(ctx, w.options)
	if err != nil {
		return false, err
	}
	b := &batch{classes: map[string][]archivable{}, tally: newTally()}
	held := newTally()
	err = w.due(ctx, d, rule, func(r *record.Record, data []byte, f *fate) bool {
		if f.action == actionKeep {
			held.add(f, len(data))
			return true
		}
		if len(b.ids) == maxBatch || len(b.ids) > 0 && b.bytes+len(data) > maxBatchBytes {
			return false
		}
		b.ids, b.bytes = append(b.ids, r.ID), b.bytes+len(data)
		b.tally.add(f, len(data))
		if f.action == actionArchive {
			b.classes[f.class] = append(b.classes[f.class], archivable{id: r.ID, time: r.Time, data: data})
		}
		return true
	})
	if err != nil {
		return false, err
	}
	if len(b.ids) > 0 {
		done, err := w.remove(ctx, d, b, report)
		if err != nil || !done {
			return !done, err
		}
	}
	w.held.merge(held)
	if len(w.held.classes) > 0 {
		report.Stays = w.segment(w.held)
	}
	more = w.seen != w.after && len(b.ids) > 0
	w.after = w.seen
	return more, nil
}

// remove archives and removes the records of a batch. done is false if the holds have changed,
// so the batch must be made again.
func (w *collectionWork) remove(ctx context.Context, d *decider, b *batch, report *Report) (done bool, err error) {
	segment := w.segment(b.tally)
	segment.Damaged = 0
	var names []string
	for _, c := range segment.Classes {
		if c.Archive == 0 {
			continue
		}
		created, err := w.archive(ctx, c.Rule, b.classes[c.Rule])
		names = append(names, created...)
		report.Archives = append(report.Archives, created...)
		if err != nil {
			return false, err
		}
	}
	now, err := loadHolds(ctx, w.options.Store)
	if err != nil || !now.same(d.holds) {
		return false, err
	}
	event := removal(w.options, collectionType, w.name, segment, names)
	event.Metadata = append(event.Metadata, semconv.TrailLogKey.String(w.name))
	err = audit.Do(ctx, w.options.Tracker, event, func(ctx context.Context) error {
		for ids := range slices.Chunk(b.ids, maxRemove) {
			if err := w.collection.Remove(ctx, ids); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	report.Removed = append(report.Removed, *segment)
	return true, nil
}
