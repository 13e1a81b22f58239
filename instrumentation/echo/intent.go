package auditecho

import (
	"context"
	"errors"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
)

// Intent returns a middleware that records e with t for each request of a route or a
// group, when the handler has ended and its error, if any, is answered. The outcome follows
// from the status of the response: 401 and 403 are denied, other codes from 400 and a panic
// are a failure, and all lower codes a success. The package comments say what is recorded
// of errors, and those of audithttp what of streams and of responses that nobody got.
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
// The handler runs in a scope inside that of [Middleware], so what it sets applies to this
// route only. Errors go to the error handler of the Middleware, because the response may
// already be on its way. [WithheldAnswer] makes it wait.
//
// Intent panics if t is nil.
func Intent(t audit.Tracker, e audit.Event, opts ...IntentOption) echo.MiddlewareFunc {
	return trackIntent(t, e, nil, opts)
}

// IntentFunc is Intent for an event that depends on the request or on the status. It calls
// event with the status of the response: 0 if none was sent. It fills in what the event
// leaves empty: the target that the handler set by audit.SetTarget, and the outcome by the
// status. After a panic that is never a success.
//
// event is called when the status is known. It is also called before that if the response
// is a stream, when that begins, and with 0 if an error waits to be answered, if the handler
// asks audit.Ready, and before the handler if the policy may require what the options supply.
// After a timeout of middleware.Timeout, which does not wait for the handler, c has the
// request, the path and its parameters, but nothing that was set.
func IntentFunc(t audit.Tracker, event func(c echo.Context, status int) audit.Event, opts ...IntentOption) echo.MiddlewareFunc {
	return trackIntent(t, audit.Event{}, event, opts)
}

// intentConfig is the configuration of a route intent. Everything else comes from the
// enclosing middleware.
var intentConfig config

// trackIntent records the event that event returns or, if that is nil, one like e.
func trackIntent(t audit.Tracker, e audit.Event, event func(echo.Context, int) audit.Event, opts []IntentOption) echo.MiddlewareFunc {
	options := newIntentOptions(opts)
	fixed := options.newIntent(t, e)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			now := tenureOf(c)
			x := intentConfig.open(c, now)
			if now.timeout != nil {
				x.FindActor() // after the timeout nobody can
			}
			intent := fixed
			if event != nil {
				intent = ofContext(fixed, x, now.copy(), event)
			}
			s := options.supply(c)
			err := x.Supply(intent, &s)
			if err == nil {
				err = x.Begin(intent)
			}
			if err != nil {
				return serve(x, now, func(echo.Context) error {
					return rejection(err)
				}, nil)
			}
			return serve(x, now, next, intent)
		}
	}
}

// ofContext returns the intent of a request whose event depends on its context.
func ofContext(fixed *request.Intent, x *request.Exchange, own func(context.Context) echo.Context, event func(echo.Context, int) audit.Event) *request.Intent {
	i := *fixed
	i.Event = func(status int) audit.Event { return event(own(x.Context()), status) }
	return &i
}

// rejection returns the error of a handler that does not run because of err.
func rejection(err error) error {
	if notBegun, ok := errors.AsType[*request.NotBegunError](err); ok {
		return echo.NewHTTPError(request.NotBegunStatus, request.NotBegunText).SetInternal(notBegun)
	}
	return echo.NewHTTPError(request.UnmetStatus, request.UnmetText(err)).SetInternal(err)
}
