package auditecho

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from. If the provider's policy
// requires such a field and it is missing or blank, the handler does not run. The middleware
// returns an *echo.HTTPError with status 422, in which errors.As finds an *audit.UnmetError,
// and the trail has the record "audit.rejected". [WithheldAnswer] and what belongs to it say
// when the answer leaves.
type IntentOption func(*intentOptions)

// intentOptions are the options of a route intent.
type intentOptions struct {
	supplies []supply
	fields   []string // that come from supplies
	final    func(field string) bool
	withhold bool
	withheld request.Withheld
}

func newIntentOptions(opts []IntentOption) *intentOptions {
	o := &intentOptions{}
	for _, opt := range opts {
		opt(o)
	}
	o.final = request.Fields(o.fields...)
	return o
}

// newIntent returns what an Exchange serves as the intent of a request whose event is like e.
func (o *intentOptions) newIntent(t audit.Tracker, e audit.Event) *request.Intent {
	i := &request.Intent{Tracker: request.RequireTracker(t, "auditecho.Intent"), Template: e}
	if o.withhold {
		i.Withheld = &o.withheld
	}
	return i
}

// supply is a source of a field. One of its sources is set.
type supply struct {
	targetType, param string
	reason            func(echo.Context) string
	key               attribute.Key
	metadata          func(echo.Context) string
}

func (o *intentOptions) add(field string, s supply) {
	o.supplies, o.fields = append(o.supplies, s), append(o.fields, field)
}

func (o *intentOptions) supply(c echo.Context) (s request.Supply) {
	s.Final = o.final
	for i := range o.supplies {
		switch from := &o.supplies[i]; {
		case from.reason != nil:
			s.Reason = from.reason(c)
		case from.metadata != nil:
			if text := from.metadata(c); text != "" {
				s.Metadata = append(s.Metadata, from.key.String(text))
			}
		default:
			s.Target, s.TargetParam = audit.Target{Type: from.targetType, ID: c.Param(from.param)}, from.param
		}
	}
	return s
}

// TargetParam takes the ID of the target from a path parameter of the route, such as "slug"
// in "/articles/:slug". The handler can set another target by audit.SetTarget.
func TargetParam(targetType, param string) IntentOption {
	return func(o *intentOptions) { o.add("target", supply{targetType: targetType, param: param}) }
}

// ReasonFrom takes the reason from the request, for example with [Header], [Query] or
// [Form].
func ReasonFrom(source func(echo.Context) string) IntentOption {
	return func(o *intentOptions) { o.add("reason", supply{reason: source}) }
}

// MetadataFrom takes the metadata of a key, such as a ticket, from the request. It is
// metadata of every event that the handler tracks.
func MetadataFrom(key attribute.Key, source func(echo.Context) string) IntentOption {
	return func(o *intentOptions) { o.add("metadata."+string(key), supply{key: key, metadata: source}) }
}

// WithheldAnswer makes the client wait until the event is recorded. It changes what a client
// gets when the trail cannot be written: use it for what must not be done unrecorded, such as
// a payout or a deletion.
//
//	e.DELETE("/users/:id", deleteUser, auditecho.Intent(tracker, audit.Event{Action: "user.delete"},
//		auditecho.TargetParam("user", "id"),
//		auditecho.WithheldAnswer()))
//
// The event is begun as an attempt before the handler runs, like that of audit.Begin. If that
// fails, the handler does not run, and the middleware returns an *echo.HTTPError with status
// 503, in which errors.As finds the error of audit.Begin. The actor, and what the provider's
// policy requires of the event, except its outcome and its changes, must be known by then,
// from the middleware and the options of the route; otherwise the status is 422.
//
// The answer of the handler is kept in memory, and leaves when the attempt is finished: as it
// is, in the same bytes. If it cannot be finished, the deed is done all the same, and the
// answer leaves unless [OnUnrecorded] writes another; the error handler is called, and a
// ledger closes the attempt as unknown when it is opened next. An answer that is larger than
// [WithheldLimit], or that the handler flushes, and a hijacked connection leave before the
// attempt is finished, and so does the answer of middleware.Timeout. What answers the
// handler's error, such as Echo's error handler, waits for the attempt too.
//
// The handler must not track the event itself as well, for that would be another record.
func WithheldAnswer() IntentOption {
	return func(o *intentOptions) { o.withhold = true }
}

// WithheldLimit sets how much memory the answer of one request may take while it is withheld,
// 64 KiB by default: its body, and 16 bytes for each write.
func WithheldLimit(bytes int) IntentOption {
	return func(o *intentOptions) { o.withheld.Limit = bytes }
}

// OnUnrecorded sets the function that answers a request whose handler has run, but whose
// outcome could not be recorded: see [WithheldAnswer]. status is that of the handler's answer.
// The function must not make the client do it again: a status such as 202 and a body that says
// "done, not recorded" are better than a 503. If the function writes nothing, the handler's
// answer leaves.
//
// The function writes below Echo's own response, whose status, hooks and middleware have had
// the handler's answer. The header has what the handler set in it, except what describes its
// body. The function is not called if the handler panicked, if something was sent before, or
// if Echo's error handler answers an error of the handler.
func OnUnrecorded(f func(w http.ResponseWriter, r *http.Request, err error, status int)) IntentOption {
	return func(o *intentOptions) { o.withheld.OnUnrecorded = f }
}

// Header returns a source that reads a header.
func Header(name string) func(echo.Context) string {
	return func(c echo.Context) string { return c.Request().Header.Get(name) }
}

// Query returns a source that reads a parameter of the query.
func Query(name string) func(echo.Context) string {
	return func(c echo.Context) string { return c.QueryParam(name) }
}

// Form returns a source that reads a field of the form in the body, or else of the query.
// It parses the form, so the handler must not read the body itself.
func Form(name string) func(echo.Context) string {
	return func(c echo.Context) string { return c.FormValue(name) }
}
