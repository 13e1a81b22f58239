package request

import (
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/names"
)

// FromTemplate returns the event of one request of a route whose events are all like e:
// without the ID, time and outcome of e, and with the target that the handler set by
// audit.SetTarget, if any.
func (x *Exchange) FromTemplate(e audit.Event) audit.Event {
	e.ID, e.Time, e.Outcome = audit.ID{}, time.Time{}, audit.OutcomeUnknown
	if target := x.scope.Target(); target != (audit.Target{}) {
		e.Target = target
	}
	return e
}

// TrackIntent records e as the intent of a route, unless the handler tracked an intent
// with the same action itself. The status is added to its metadata. What e leaves empty
// is filled in: the outcome by the status, and the target by audit.SetTarget. The outcome
// is never a success if the handler panicked or failed.
func (x *Exchange) TrackIntent(t audit.Tracker, e audit.Event, r Result) {
	x.learnServedRoute()
	x.track(t, e, r, nil)
}

// track records e as TrackIntent does, or as the end of attempt if that is not nil.
func (x *Exchange) track(t audit.Tracker, e audit.Event, r Result, attempt *audit.Attempt) {
	e.Kind = audit.KindIntent
	if e.Outcome == audit.OutcomeUnknown {
		e.Outcome = r.Status.Outcome
	}
	if (r.Panicked || r.Failed) && (e.Outcome == audit.OutcomeSuccess || e.Outcome == audit.OutcomeUnknown) {
		e.Outcome = audit.OutcomeFailure
	}
	if e.Target == (audit.Target{}) {
		e.Target = x.scope.Target()
	}
	e.Metadata = r.Status.addTo(e.Metadata)
	var err error
	switch {
	case attempt != nil:
		err = attempt.Finish(x.contextOf(r), e)
	case !x.isRecorded(&e):
		err = t.Track(x.contextOf(r), e)
	}
	if err != nil {
		x.handleError(err)
	}
}

// isRecorded reports whether the handler recorded the route's event e itself.
func (x *Exchange) isRecorded(e *audit.Event) bool {
	return x.scope.Tracked(names.NormalizeAction(e.Action))
}
