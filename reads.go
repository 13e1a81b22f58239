package audit

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/covering"
	"github.com/opendeed/audit/internal/limits"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/semconv"
)

// What was read in a scope is one signal of each kind when the scope ends: who saw what costs
// one record a request, and not one for each object.

// readFold is what was read of one kind.
type readFold struct {
	kind    readKind
	tracker Tracker
	since   time.Time
	ids     []string        // different ones
	cut     int64           // objects for whose IDs there was no room
	unnamed int64           // objects without an ID
	known   map[string]bool // has ids, if they are many
	name    string          // of the first
}

// readKind is what the reads of a fold have in common.
type readKind struct {
	bridge.Read[Outcome]
	actor *Actor // of a ContextWithActor inside the scope
}

func (k *readKind) equal(other *readKind) bool {
	return k.Read == other.Read && (k.actor == other.actor || reflect.DeepEqual(k.actor, other.actor))
}

const (
	maxReadFolds = 100 // of a scope; further reads are tracked one by one
	fewReads     = 16  // searched one by one
)

// noteRead implements bridge.Functions.NoteRead.
func noteRead(ctx context.Context, t Tracker, what bridge.Read[Outcome], objects []bridge.Object) {
	f := frameOf(ctx)
	if f.suppressed {
		return
	}
	kind := readKind{what, f.actor}
	if f.scope.addReads(kind, t, time.Now(), func(r *readFold) { r.add(objects) }) {
		return
	}
	r := &readFold{kind: kind, since: time.Now()}
	r.add(objects)
	if err := t.Track(ctx, r.event()); err != nil {
		reportTo(ctx, t, err)
	}
}

// addReads calls add with the fold of the kind. It reports false if the scope is not open, or
// has too many folds.
func (s *Scope) addReads(kind readKind, t Tracker, since time.Time, add func(*readFold)) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != scopeOpen {
		return false
	}
	at := slices.IndexFunc(s.reads, func(r *readFold) bool { return r.kind.equal(&kind) })
	if at < 0 {
		if len(s.reads) == maxReadFolds {
			return false
		}
		at = len(s.reads)
		s.reads = append(s.reads, &readFold{kind: kind, tracker: t, since: since})
	}
	add(s.reads[at])
	return true
}

// add adds objects that were read.
func (r *readFold) add(objects []bridge.Object) {
	for _, o := range objects {
		r.addObject(o)
	}
}

func (r *readFold) addObject(o bridge.Object) {
	switch {
	case o.ID == "":
		r.unnamed++
	case r.knows(o.ID):
	case len(r.ids) == limits.Sample:
		r.cut++
	default:
		if len(r.ids) == 0 {
			r.name = o.Name
		}
		r.ids = append(r.ids, o.ID)
		if r.known != nil {
			r.known[o.ID] = true
		}
	}
}

// knows reports whether an ID is among ids.
func (r *readFold) knows(id string) bool {
	if len(r.ids) < fewReads {
		return slices.Contains(r.ids, id)
	}
	if r.known == nil {
		r.known = make(map[string]bool, 2*len(r.ids))
		for _, id := range r.ids {
			r.known[id] = true
		}
	}
	return r.known[id]
}

// merge adds the reads of an inner scope.
func (r *readFold) merge(inner *readFold) {
	for i, id := range inner.ids {
		o := bridge.Object{ID: id}
		if i == 0 {
			o.Name = inner.name
		}
		r.addObject(o)
	}
	r.cut += inner.cut
	r.unnamed += inner.unnamed
	if inner.since.Before(r.since) {
		r.since = inner.since
	}
}

// event returns the signal that says what was read.
func (r *readFold) event() Event {
	k := &r.kind
	e := Event{
		Kind: KindSignal, Time: r.since, Action: k.Action, Operation: OperationRead,
		Target: Target{Type: k.TargetType}, Outcome: k.Outcome,
	}
	if k.ErrorType != "" {
		e.Metadata = append(e.Metadata, semconv.ErrorTypeKey.String(k.ErrorType))
	}
	if k.OneIn > 1 {
		e.Metadata = append(e.Metadata, semconv.ReadOneInKey.Int(k.OneIn))
	}
	count := int64(len(r.ids)) + r.cut + r.unnamed
	switch {
	case count > 1:
		e.Bulk = Bulk{Selector: semconv.SelectorReturned, Affected: count, Sample: r.ids}
		if k.Outcome != OutcomeSuccess {
			e.Bulk.Selector = semconv.SelectorRequested
		}
	case len(r.ids) == 1:
		e.Target.ID, e.Target.Name = r.ids[0], r.name
	}
	if r.cut > 0 {
		e.Marks = []mark.Mark{{Path: "bulk.sample", Kind: mark.Dropped, Count: r.cut}}
	}
	return e
}

// matches reports whether match returns true for one of the reads as an event.
func (r *readFold) matches(match func(e *Event) bool) bool {
	e := Event{Kind: KindSignal, Action: r.kind.Action, Operation: OperationRead, Outcome: r.kind.Outcome, Target: Target{Type: r.kind.TargetType}}
	if len(r.ids) == 0 {
		return match(&e)
	}
	return slices.ContainsFunc(r.ids, func(id string) bool {
		e.Target.ID = id
		return match(&e)
	})
}

// settleReads gives the reads of an ending scope to the outer scope, if their records would be
// the same there, or tracks them. timeout bounds how long it waits for the actor.
func (s *Scope) settleReads(ctx context.Context, folds []*readFold, timeout time.Duration) error {
	if s.addsNothing() {
		folds = slices.DeleteFunc(folds, func(r *readFold) bool {
			kind := r.kind
			if kind.actor == nil {
				kind.actor = s.inherited
			}
			return s.parent.addReads(kind, r.tracker, r.since, func(outer *readFold) { outer.merge(r) })
		})
	}
	if len(folds) == 0 {
		return nil
	}
	s.findActor(ctx, timeout)
	var errs []error
	for _, r := range folds {
		f := &frame{Context: context.WithoutCancel(ctx), scope: s, actor: r.kind.actor}
		errs = append(errs, r.tracker.Track(f, r.event()))
	}
	return errors.Join(errs...)
}

// findActor lets an ending scope find the actor. An error is that of the event that needs it.
func (s *Scope) findActor(ctx context.Context, timeout time.Duration) {
	p := pending{bridge.Resolved[Scope]{Scope: s}}
	p.enter(0)
	defer p.done()
	inside := frame{scope: s}
	const self = 1 // this scope is ending, and its resolver may still be called
	_, _ = inside.resolveActor(ctx, inquiry{wait: timeout, entered: p.Entered | self, signal: true})
}

// addsNothing reports whether a record of the scope is the same as one of the outer scope.
func (s *Scope) addsNothing() bool {
	p := s.parent
	if p == nil {
		return false
	}
	s.mu.Lock()
	channel, tenant, metadata, overridden, marks := s.channel, s.tenant, s.metadata, s.overridden, s.marks
	s.mu.Unlock()
	if s.who.IsOwn() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return channel == p.channel && tenant == p.tenant &&
		isShared(metadata, p.metadata) && isShared(overridden, p.overridden) && isShared(marks, p.marks)
}

// isShared reports whether two slices that are never changed are the same one.
func isShared[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// stripRead removes from a signal of reads what an intent covers, and reports whether nothing
// is left.
func stripRead(e *Event, cover covering.Cover, covered func(covering.Cover) bool) bool {
	if e.Target.ID != "" {
		cover.TargetID = e.Target.ID
		return covered(cover)
	}
	before := len(e.Bulk.Sample)
	e.Bulk.Sample = slices.DeleteFunc(e.Bulk.Sample, func(id string) bool {
		cover.TargetID = id
		return covered(cover)
	})
	left := len(e.Bulk.Sample)
	e.Bulk.Affected -= int64(before - left)
	if left == 1 && e.Bulk.Affected == 1 {
		e.Target.ID, e.Bulk = e.Bulk.Sample[0], Bulk{}
	}
	return left == 0 && e.Target.ID == "" && e.Bulk.Affected == 0
}

// isReads reports whether e is a signal of several reads.
func isReads(e *Event) bool {
	return e.Kind == KindSignal && e.Operation == OperationRead && e.Target.ID == "" && len(e.Bulk.Sample) > 0
}
