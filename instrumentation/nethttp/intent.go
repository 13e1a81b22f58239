package audithttp

import (
	"net/http"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
)

// Intent returns a handler that runs h and then records e with t. The outcome follows
// from the status of the response: 401 and 403 are denied, other codes from 400 and a
// panic are a failure, and all lower codes a success. The package comment says what is
// recorded of streams and of responses that nobody got.
//
// If the handler recorded the outcome itself, an intent with the same action on the same
// target, Intent records none. If no target is set, that is an intent with the same action
// on any target. An intent that failed or was denied is not the outcome of a request that
// succeeded.
//
// The target is the one that the handler set by audit.SetTarget, or else that of e. The
// ID, Time, Kind and Outcome of e are ignored: each request is an event of its own.
//
// Options take fields from the request, so that the handler does not run if the policy
// requires one that is missing. What it only knows itself, the handler sets by
// audit.SetTarget and audit.SetReason, and asks audit.Ready before its side effect. An event
// that lacks something at the end is recorded nevertheless, with the marks policy.unmet.
//
// The handler runs in a scope inside the middleware's, so what it sets applies to this
// route only. Without a middleware, that scope has the metadata of the request and no
// actor. Errors go to the middleware's error handler, because the response may already
// be on its way. [WithheldAnswer] makes the response wait until its record is safe.
//
// Intent panics if t is nil.
func Intent(t audit.Tracker, e audit.Event, h http.Handler, opts ...IntentOption) http.Handler {
	return serveMux.Intent(t, e, opts...)(h)
}

// IntentFunc is Intent for an event that depends on the request or on the status. It calls
// event with the request that the handler got and the status of the response: 0 if none was
// sent. It fills in what the event leaves empty: the target that the handler set by
// audit.SetTarget, and the outcome by the status. After a panic that is never a success.
//
// event is called when the status is known. It is also called before that if the response
// is a stream, when that begins, and with 0 if the handler asks audit.Ready, and before the
// handler if the policy may require what the options supply.
func IntentFunc(t audit.Tracker, event func(r *http.Request, status int) audit.Event, h http.Handler, opts ...IntentOption) http.Handler {
	return serveMux.IntentFunc(t, event, opts...)(h)
}

// intent is a route whose requests are events.
type intent struct {
	scope  *config
	config *intentConfig
	fixed  *request.Intent                               // the event of every request; Event is nil
	event  func(r *http.Request, status int) audit.Event // nil: that of fixed
	next   destination
}

// ServeHTTP serves the request and records it.
func (i *intent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := i.scope.open(w, r, &i.next)
	adapter := i.scope.adapter
	if adapter.IsOver != nil && request.IsTimed(w) {
		x.FindActor() // after the timeout nobody can
	}
	h := x.HTTP()
	h.Request, h.Writer, h.Route, h.Self, h.Handler = r, w, i.scope.routeAfter, i, i.next.serve
	h.Intent = i.intentOf(x, w, r)
	s := i.config.supply(r, adapter.param)
	err := x.Supply(h.Intent, &s)
	if err == nil {
		err = x.Begin(h.Intent)
	}
	if err != nil {
		h.Intent = nil
		h.Handler = i.rejection(err)
	}
	adapter.serve(x, h)
}

// intentOf returns the intent of a request.
func (i *intent) intentOf(x *request.Exchange, w http.ResponseWriter, r *http.Request) *request.Intent {
	if i.event == nil {
		return i.fixed
	}
	latest := func() *http.Request {
		if served := x.Served(); served != nil {
			return served // a router below sets its path values
		}
		return r
	}
	if adapter := i.scope.adapter; adapter.Copy != nil {
		latest = adapter.unlessOver(w, r.WithContext(x.Context()), latest)
	}
	own := *i.fixed
	own.Event = func(status int) audit.Event { return i.event(latest(), status) }
	return &own
}

// rejection returns a handler that runs instead of that of the route because of err.
func (i *intent) rejection(err error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return i.config.reject(w, r, err, i.scope.adapter.Reject)
	}
}
