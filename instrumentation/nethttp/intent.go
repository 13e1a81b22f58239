package audithttp

import (
	"net/http"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Intent returns a handler that runs h and then records e by t, with the status
// of the response: 2xx and 3xx are a success, 401 and 403 denied, all else and a
// panic a failure. If the handler tracked an intent with the same action itself,
// there is none from here.
//
// The target is the one that the handler stated by audit.SetTarget, or else e's.
// ID, Time, Kind and Outcome of e are not used: each request is an event of its
// own.
//
// The scope is one inside the middleware's, so that what the handler states holds
// for this route alone. Without a middleware it is a scope by itself, with what
// the request says and no actor. What fails goes to the middleware's error
// handler, because the response may be on its way. To withhold a response until
// its record is safe, a handler tracks the event itself before it writes.
func Intent(t audit.Tracker, e audit.Event, h http.Handler) http.Handler {
	e.ID, e.Time, e.Outcome = audit.ID{}, time.Time{}, audit.OutcomeUnknown
	return IntentFunc(t, func(r *http.Request, _ int) audit.Event {
		stated := e
		if target := audit.ScopeFromContext(r.Context()).Target(); target != (audit.Target{}) {
			stated.Target = target
		}
		return stated
	}, h)
}

// IntentFunc is Intent for an event that depends on the request or the status.
// event is called once the handler has returned or panicked, with the request
// that the handler got. What it leaves empty is filled in: the target, as the
// handler stated it by audit.SetTarget, and the outcome, by the status.
//
// After a panic the status is what the handler had written, or else 500, and the
// outcome is never a success.
func IntentFunc(t audit.Tracker, event func(r *http.Request, status int) audit.Event, h http.Handler) http.Handler {
	return &intent{tracker: t, event: event, next: newDestination(h)}
}

// intent is a route whose requests are events.
type intent struct {
	tracker audit.Tracker
	event   func(*http.Request, int) audit.Event
	next    destination
}

// bare is what a route intent says of a request without a middleware.
var bare config

// ServeHTTP serves the request and records it.
func (i *intent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bare.open(w, r, &i.next).serve(w, &i.next, i)
}

// conclude records the event.
func (i *intent) conclude(x *exchange, end ending) {
	x.learnLate()
	e := i.event(x.request, end.status)
	if x.scope.Tracked(audit.NormalizeAction(e.Action)) {
		return
	}
	e.Kind = audit.KindIntent
	if e.Outcome == audit.OutcomeUnknown {
		e.Outcome = outcomeOf(end.status)
	}
	if end.panicked && e.Outcome == audit.OutcomeSuccess {
		e.Outcome = audit.OutcomeFailure
	}
	if e.Target == (audit.Target{}) {
		e.Target = x.scope.Target()
	}
	e.Metadata = withStatus(e.Metadata, end.status)
	if err := i.tracker.Track(end.ctx, e); err != nil {
		x.fail(err)
	}
}

// outcomeOf returns what a status says.
func outcomeOf(status int) audit.Outcome {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return audit.OutcomeDenied
	case status >= http.StatusBadRequest:
		return audit.OutcomeFailure
	default:
		return audit.OutcomeSuccess
	}
}

// withStatus adds the status to the event's own metadata, unless that states it.
func withStatus(kvs []attribute.KeyValue, status int) []attribute.KeyValue {
	for _, kv := range kvs {
		if kv.Key == semconv.HTTPResponseStatusCodeKey {
			return kvs
		}
	}
	return append(slices.Clip(kvs), semconv.HTTPResponseStatusCodeKey.Int(status))
}
