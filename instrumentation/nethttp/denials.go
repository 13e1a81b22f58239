package audithttp

import (
	"errors"
	"net/http"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// reasonActorUnknown is why a refusal is recorded as anonymous although somebody
// may have been known.
const reasonActorUnknown = "the actor could not be resolved"

// concludeDenial tracks a refusal that nothing else recorded.
func (c *config) concludeDenial(x *exchange, end ending) {
	refused := end.status == http.StatusUnauthorized || end.status == http.StatusForbidden
	if !refused || x.scope.Tracked("") {
		return
	}
	x.learnLate()
	e := audit.Event{
		Action:   semconv.ActionAccessDenied,
		Target:   x.scope.Target(),
		Outcome:  audit.OutcomeDenied,
		Metadata: []attribute.KeyValue{semconv.HTTPResponseStatusCodeKey.Int(end.status)},
	}
	if e.Target == (audit.Target{}) && x.route != "" {
		e.Target = audit.Target{Type: "route", ID: x.route}
	}
	err := c.denials.Track(end.ctx, e)
	switch {
	case err == nil:
		return
	case errors.Is(err, audit.ErrNoActor):
	case !isActorUnusable(err):
		x.fail(err)
		return
	case end.status == http.StatusForbidden:
		x.fail(err)
		e.Reason = reasonActorUnknown
	}
	e.Actor = audit.Anonymous()
	if err := c.denials.Track(end.ctx, e); err != nil {
		x.fail(err)
	}
}

// isActorUnusable reports whether an event was refused for its actor: the actor
// function failed, or returned one that no record can have. A client may be able
// to bring either about.
func isActorUnusable(err error) bool {
	if _, is := errors.AsType[*audit.ActorError](err); is {
		return true
	}
	invalid, is := errors.AsType[*audit.ValidationError](err)
	return is && strings.HasPrefix(invalid.Field, "actor.")
}
