package request

import (
	"context"
	"errors"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/semconv"
)

// reasonActorUnknown is why a denial is recorded as anonymous although the actor may have
// been known.
const reasonActorUnknown = "the actor could not be resolved"

// recordDenial records a denied request that recorded no other event of its own. A signal
// of something that was done says nothing about what was denied.
//
// Its actor is the request's, or anonymous if there is none or it cannot be found. The
// latter is an error only if the client had proved who it is.
func (x *Exchange) recordDenial(r Result) {
	if r.Status.Outcome != audit.OutcomeDenied {
		return
	}
	x.learnServedRoute()
	if x.isAudited(func(signal *audit.Event) bool { return signal.Outcome == audit.OutcomeDenied }) {
		return
	}
	e := audit.Event{
		Action:   semconv.ActionAccessDenied,
		Target:   x.target(),
		Outcome:  audit.OutcomeDenied,
		Metadata: r.Status.metadata(),
	}
	ctx := x.contextOf(r)
	err := x.trackDenial(ctx, &e)
	switch {
	case err == nil:
		return
	case errors.Is(err, audit.ErrNoActor):
	case !isActorError(err):
		x.handleError(err)
		return
	case !r.Status.Unauthenticated:
		x.handleError(err)
		e.Reason = reasonActorUnknown
	}
	e.Actor = audit.Anonymous()
	if err := x.config.Denials.Track(ctx, e); err != nil {
		x.handleError(err)
	}
}

// trackDenial records the denial if its actor can be found. One that is not found is not
// tracked, since its rejection would be a record of its own.
func (x *Exchange) trackDenial(ctx context.Context, e *audit.Event) error {
	resolved, err := plumbing.Resolve(ctx, e, findActorWait)
	defer resolved.Done()
	if err != nil {
		return err
	}
	return x.config.Denials.Track(ctx, *e)
}

// isActorError reports whether an event was rejected because of its actor: the actor
// function failed, or returned an actor that no record can contain. A client may be able
// to cause either.
func isActorError(err error) bool {
	if _, ok := errors.AsType[*audit.ActorError](err); ok {
		return true
	}
	invalid, ok := errors.AsType[*audit.ValidationError](err)
	return ok && strings.HasPrefix(invalid.Field, "actor.")
}
