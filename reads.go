package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/opendeed/audit/internal/reads"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/semconv"
)

// What was read in a scope is one signal of each kind when the scope ends.

// noteRead implements bridge.Functions.NoteRead.
func noteRead(ctx context.Context, t Tracker, kind reads.Kind, objects []reads.Object) {
	f := frameOf(ctx)
	if f.suppressed {
		return
	}
	now := time.Now()
	if f.actor != nil {
		kind.Actor = f.actor
	}
	if f.scope.addReads(kind, t, now, func(r *reads.Fold[Tracker]) { r.Add(objects...) }) {
		return
	}
	r := &reads.Fold[Tracker]{Kind: kind, Since: now}
	r.Add(objects...)
	if err := t.Track(ctx, readEvent(r)); err != nil {
		reportTo(ctx, t, err)
	}
}

// addReads calls add with the fold of the kind. It reports false if the scope is not open, or
// has too many folds.
func (s *Scope) addReads(kind reads.Kind, t Tracker, since time.Time, add func(*reads.Fold[Tracker])) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != scopeOpen {
		return false
	}
	r := s.reads.Find(kind, t, since)
	if r != nil {
		add(r)
	}
	return r != nil
}

// readEvent returns the signal that says what was read.
func readEvent(r *reads.Fold[Tracker]) Event {
	k := &r.Kind
	e := Event{
		Kind: KindSignal, Time: r.Since, Action: k.Action, Operation: OperationRead,
		Target: Target{Type: k.TargetType}, Outcome: Outcome(k.Outcome),
	}
	if k.ErrorType != "" {
		e.Metadata = append(e.Metadata, semconv.ErrorTypeKey.String(k.ErrorType))
	}
	if k.OneIn > 1 {
		e.Metadata = append(e.Metadata, semconv.ReadOneInKey.Int(k.OneIn))
	}
	switch {
	case r.Count() > 1:
		e.Bulk = Bulk{Selector: semconv.SelectorReturned, Affected: r.Count(), Sample: r.IDs}
		if e.Outcome != OutcomeSuccess {
			e.Bulk.Selector = semconv.SelectorRequested
		}
	case len(r.IDs) == 1:
		e.Target.ID, e.Target.Name = r.IDs[0], r.Name
	}
	if r.Cut > 0 {
		e.Marks = []mark.Mark{{Path: "bulk.sample", Kind: mark.Dropped, Count: r.Cut}}
	}
	return e
}

// matchesRead reports whether match returns true for one of the reads as an event.
func matchesRead(r *reads.Fold[Tracker], match func(e *Event) bool) bool {
	k := &r.Kind
	e := Event{Kind: KindSignal, Action: k.Action, Operation: OperationRead, Outcome: Outcome(k.Outcome), Target: Target{Type: k.TargetType}}
	if len(r.IDs) == 0 {
		return match(&e)
	}
	return slices.ContainsFunc(r.IDs, func(id string) bool {
		e.Target.ID = id
		return match(&e)
	})
}

// settleReads gives the reads of an ending scope to the outer scope, if their records would be
// the same there, or tracks them. timeout bounds how long it waits for the actor.
func (s *Scope) settleReads(ctx context.Context, folds reads.Folds[Tracker], timeout time.Duration) error {
	if s.addsNothing() {
		folds = slices.DeleteFunc(folds, func(r *reads.Fold[Tracker]) bool {
			kind := r.Kind
			if inherited := s.who.Inherited(); kind.Actor == nil && inherited != nil {
				kind.Actor = inherited
			}
			return s.parent.addReads(kind, r.Tracker, r.Since, func(outer *reads.Fold[Tracker]) { outer.Merge(r) })
		})
	}
	if len(folds) == 0 {
		return nil
	}
	_, _ = s.findActor(ctx, timeout) // an error is that of the event that needs it
	var errs []error
	for _, r := range folds {
		actor, _ := r.Kind.Actor.(*Actor)
		f := &frame{Context: context.WithoutCancel(ctx), scope: s, actor: actor}
		errs = append(errs, r.Tracker.Track(f, readEvent(r)))
	}
	return errors.Join(errs...)
}

// addsNothing reports whether a record of the scope is the same as one of the outer scope.
func (s *Scope) addsNothing() bool {
	p := s.parent
	if p == nil || s.who.IsOwn() {
		return false
	}
	s.mu.Lock()
	data := s.data
	s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	return data.Shares(&p.data)
}

// stripRead removes from a signal of reads what an intent covers, and reports whether nothing
// is left.
func stripRead(e *Event, covered func(id string) bool) bool {
	if e.Target.ID != "" {
		return covered(e.Target.ID)
	}
	before := len(e.Bulk.Sample)
	e.Bulk.Sample = slices.DeleteFunc(e.Bulk.Sample, covered)
	left := len(e.Bulk.Sample)
	e.Bulk.Affected -= int64(before - left)
	if left == 1 && e.Bulk.Affected == 1 {
		e.Target.ID, e.Bulk = e.Bulk.Sample[0], Bulk{}
	}
	return left == 0 && e.Target.ID == "" && e.Bulk.Affected == 0
}
