package audithttp

import (
	"errors"
	"net/http"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request"
	"go.opentelemetry.io/otel/attribute"
)

// IntentOption says where a route intent has its fields from. If the provider's policy
// requires such a field and it is missing or blank, the handler does not run: the client
// gets a 422 (see [OnUnmet]), and the trail the record "audit.rejected". [WithheldAnswer] and
// what belongs to it say when the answer leaves.
type IntentOption func(*intentConfig)

// intentConfig holds the options of a route intent.
type intentConfig struct {
	supplies []supply
	fields   []string // that come from supplies
	final    func(field string) bool
	unmet    func(http.ResponseWriter, *http.Request, error) // nil: the default
	notBegun func(http.ResponseWriter, *http.Request, error) // nil: the default
	withhold bool
	withheld request.Withheld
}

// paramFunc returns a path parameter.
type paramFunc = func(r *http.Request, name string) string

func newIntentConfig(opts []IntentOption) *intentConfig {
	c := &intentConfig{}
	for _, opt := range opts {
		opt(c)
	}
	c.final = request.Fields(c.fields...)
	return c
}

// reject answers a request whose handler does not run because of err, or returns the error
// for which the framework answers. byError is the Reject of an [Adapter], or nil.
func (c *intentConfig) reject(w http.ResponseWriter, r *http.Request, err error, byError func(int, string, error) error) error {
	answer, cause, status, text := c.unmet, err, request.UnmetStatus, request.UnmetText(err)
	if notBegun, ok := errors.AsType[*request.NotBegunError](err); ok {
		answer, cause, status, text = c.notBegun, notBegun.Err, request.NotBegunStatus, request.NotBegunText
	}
	switch {
	case answer != nil:
		answer(w, r, cause)
	case byError != nil:
		return byError(status, text, err)
	default:
		http.Error(w, text, status)
	}
	return nil
}

// newIntent returns what an Exchange serves as the intent of a request whose event is like e.
func (c *intentConfig) newIntent(t audit.Tracker, e audit.Event) *request.Intent {
	i := &request.Intent{Tracker: request.RequireTracker(t, "audithttp.Intent"), Template: e}
	if c.withhold {
		i.Withheld = &c.withheld
	}
	return i
}

// supply is a source of a field. One of its sources is set.
type supply struct {
	targetType, param string
	reason            func(*http.Request) string
	key               attribute.Key
	metadata          func(*http.Request) string
}

func (c *intentConfig) add(field string, s supply) {
	c.supplies, c.fields = append(c.supplies, s), append(c.fields, field)
}

func (c *intentConfig) supply(r *http.Request, param paramFunc) (s request.Supply) {
	s.Final = c.final
	for i := range c.supplies {
		switch from := &c.supplies[i]; {
		case from.reason != nil:
			s.Reason = from.reason(r)
		case from.metadata != nil:
			if text := from.metadata(r); text != "" {
				s.Metadata = append(s.Metadata, from.key.String(text))
			}
		default:
			s.Target, s.TargetParam = audit.Target{Type: from.targetType, ID: param(r, from.param)}, from.param
		}
	}
	return s
}

// TargetParam takes the ID of the target from a path parameter of the route, such as "slug"
// in "/articles/{slug}". The handler can set another target by audit.SetTarget.
func TargetParam(targetType, param string) IntentOption {
	return func(c *intentConfig) { c.add("target", supply{targetType: targetType, param: param}) }
}

// ReasonFrom takes the reason from the request, for example with [Header], [Query] or
// [Form].
func ReasonFrom(source func(*http.Request) string) IntentOption {
	return func(c *intentConfig) { c.add("reason", supply{reason: source}) }
}

// MetadataFrom takes the metadata of a key, such as a ticket, from the request. It is
// metadata of every event that the handler tracks.
func MetadataFrom(key attribute.Key, source func(*http.Request) string) IntentOption {
	return func(c *intentConfig) { c.add("metadata."+string(key), supply{key: key, metadata: source}) }
}

// OnUnmet sets the function that answers a request whose handler does not run. err is an
// *audit.UnmetError. By default the status is 422 and the body names the fields.
func OnUnmet(f func(w http.ResponseWriter, r *http.Request, err error)) IntentOption {
	return func(c *intentConfig) { c.unmet = f }
}

// WithheldAnswer makes the client wait until the event is recorded. It changes what a client
// gets when the trail cannot be written: use it for what must not be done unrecorded, such as
// a payout or a deletion.
//
//	mux.Handle("DELETE /users/{id}", audithttp.Intent(tracker, audit.Event{Action: "user.delete"}, deleteUser,
//		audithttp.TargetParam("user", "id"),
//		audithttp.WithheldAnswer()))
//
// The event is begun as an attempt before the handler runs, like that of audit.Begin. If that
// fails, the handler does not run and the client gets a 503: see [OnNotBegun]. The actor, and
// what the provider's policy requires of the event, except its outcome and its changes, must
// be known by then, from the middleware and the options of the route; otherwise the client
// gets a 422: see [OnUnmet].
//
// The answer of the handler is kept in memory, and leaves when the attempt is finished: as it
// is, in the same bytes. If it cannot be finished, the deed is done all the same, and the
// answer leaves unless [OnUnrecorded] writes another; the error handler is called, and a
// ledger closes the attempt as unknown when it is opened next. An answer that is larger than
// [WithheldLimit], or that the handler flushes, and a hijacked connection leave before the
// attempt is finished, and so does the answer of an http.TimeoutHandler.
//
// The handler must not track the event itself as well, for that would be another record.
func WithheldAnswer() IntentOption {
	return func(c *intentConfig) { c.withhold = true }
}

// WithheldLimit sets how much memory the answer of one request may take while it is withheld,
// 64 KiB by default: its body, and 16 bytes for each write.
func WithheldLimit(bytes int) IntentOption {
	return func(c *intentConfig) { c.withheld.Limit = bytes }
}

// OnNotBegun sets the function that answers a request whose handler does not run, because its
// event could not be begun: see [WithheldAnswer]. err is that of audit.Begin. By default the
// status is 503 and the body says that nothing was done.
func OnNotBegun(f func(w http.ResponseWriter, r *http.Request, err error)) IntentOption {
	return func(c *intentConfig) { c.notBegun = f }
}

// OnUnrecorded sets the function that answers a request whose handler has run, but whose
// outcome could not be recorded: see [WithheldAnswer]. status is that of the handler's answer.
// The function must not make the client do it again: a status such as 202 and a body that says
// "done, not recorded" are better than a 503. If the function writes nothing, the handler's
// answer leaves.
//
// The header has what the handler set in it, except what describes its body. Middleware
// between [Middleware] and the intent, such as one that compresses, does not see this answer.
// The function is not called if the handler panicked, or if something was sent before.
func OnUnrecorded(f func(w http.ResponseWriter, r *http.Request, err error, status int)) IntentOption {
	return func(c *intentConfig) { c.withheld.OnUnrecorded = f }
}

// Header returns a source that reads a header.
func Header(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.Header.Get(name) }
}

// Query returns a source that reads a parameter of the query.
func Query(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.URL.Query().Get(name) }
}

// Form returns a source that reads a field of the form in the body, or else of the query.
// It parses the form, so the handler must not read the body itself.
func Form(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.FormValue(name) }
}
