package request

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/plumbing"
)

// FromTemplate returns the event of one request of a route whose events are all like e:
// without the ID, time and outcome of e, and with the target that the handler set by
// audit.SetTarget, if any.
func (x *Exchange) FromTemplate(e audit.Event) audit.Event {
	e.ID, e.Time, e.Outcome = audit.ID{}, time.Time{}, audit.OutcomeUnknown
	if target := x.said().Target; target != (audit.Target{}) {
		e.Target = target
	}
	return e
}

// TrackIntent records e as the intent of a route, unless the handler recorded its outcome
// itself: an intent with the same action on the same target. If e has no target, or one
// without an ID, that is an intent with the same action on any target, or any of its type. An intent that failed or was denied is not the
// outcome of a request that succeeded, and one that begins an attempt has none yet.
//
// The status is added to the metadata. What e leaves empty is filled in: by the handler, as
// with audit.SetTarget and audit.SetChanges, and the outcome by the status. What e lacks of
// a policy's requirements is marked. The outcome is never a success if the handler
// panicked or failed.
func (x *Exchange) TrackIntent(t audit.Tracker, e audit.Event, r Result) {
	x.learnServedRoute()
	_ = x.track(t, e, r, nil)
}

// track records e as TrackIntent does, or as the end of attempt if that is not nil. It
// returns an error if the outcome is not on record, after the error handler was called.
func (x *Exchange) track(t audit.Tracker, e audit.Event, r Result, attempt *audit.Attempt) error {
	e.Kind = audit.KindIntent
	said := inside.Audit.Said(&x.scope, true)
	e = inside.Audit.Complete(e, said, r.Status.Outcome, r.Panicked || r.Failed)
	if len(e.Metadata) == 0 {
		e.Metadata = x.status[:0]
	}
	e.Metadata = r.Status.addTo(e.Metadata)
	var err error
	switch ctx := plumbing.Afterwards(x.contextOf(r)); {
	case attempt == nil && e.Outcome == audit.OutcomeDenied && x.recordsDenials() && x.actsNobody(ctx, &e):
		err = audit.ErrNoActor // the denial is recorded as access.denied
	case attempt != nil:
		x.checkIntent(t, &e)
		err = attempt.Finish(ctx, e)
	case !x.isRecorded(&e):
		x.checkIntent(t, &e)
		err = t.Track(ctx, e)
	}
	if err != nil {
		x.handleError(err)
		if x.isStored(&e, attempt) {
			return nil // with the marks of what a policy requires
		}
	}
	return err
}

// isStored reports whether e, whose tracking returned an error, is on record: as the end of
// attempt if that is not nil. Another record of the same action is not it.
func (x *Exchange) isStored(e *audit.Event, attempt *audit.Attempt) bool {
	if attempt == nil {
		return x.isRecorded(e) // it was not before
	}
	return x.scope.Tracked(func(other *audit.Event) bool { return other.Attempt == attempt.ID() && !other.BeginsAttempt() })
}

// recordsDenials reports whether this exchange or one around it records a denial that
// nothing else records.
func (x *Exchange) recordsDenials() bool {
	for ; x != nil; x = x.outer {
		if x.config.Denials != nil {
			return true
		}
	}
	return false
}

// actsNobody reports whether neither e nor the context has an actor.
func (x *Exchange) actsNobody(ctx context.Context, e *audit.Event) bool {
	resolved, err := plumbing.Resolve(ctx, e, findActorWait)
	resolved.Done()
	return errors.Is(err, audit.ErrNoActor)
}

// isRecorded reports whether the handler recorded the outcome of the route's event e.
func (x *Exchange) isRecorded(e *audit.Event) bool {
	action := names.NormalizeAction(e.Action)
	return x.scope.Tracked(func(other *audit.Event) bool {
		return other.Kind == audit.KindIntent && other.Action == action && !other.BeginsAttempt() &&
			(e.Target.ID == "" && (e.Target.Type == "" || e.Target.Type == other.Target.Type) || sameTarget(e.Target, other.Target)) &&
			(isDone(other.Outcome) || !isDone(e.Outcome))
	})
}

// isDone reports whether an event with the outcome may have been done. An event without an
// outcome does not say that it failed.
func isDone(o audit.Outcome) bool { return o == audit.OutcomeSuccess || o == audit.OutcomeUnknown }
