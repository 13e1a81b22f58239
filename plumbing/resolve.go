package plumbing

import (
	"context"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// Resolved is the audit context of one Track call: see [Resolve]. Its slices are shared and
// must not be changed.
type Resolved struct {
	// Scope is the nearest scope, or nil.
	Scope *audit.Scope
	// Channel and Tenant are the scope's.
	Channel, Tenant string
	// Metadata is the scope's, sorted by key.
	Metadata []attribute.KeyValue
	// Overridden is the metadata that inner scopes replaced, sorted by key.
	Overridden []attribute.KeyValue
	// Marks says what the scope knows about values of its metadata, sorted by path.
	Marks []mark.Mark
	// Afterwards reports whether intents are recorded even if they lack what a policy
	// requires: see the function of that name.
	Afterwards bool
	// Suppressed reports whether signals are not recorded here: see audit.SuppressSignals.
	Suppressed bool
	// Finishing is the attempt whose Finish called Track, or zero. An event of this attempt
	// ends it, whoever its actor is.
	Finishing audit.ID

	entered uint64 // see bridge.Resolved
}

// Resolve returns the audit context of a Track call, and sets the actor of e if the event
// has none. wait bounds how long an actor function may take.
//
// The event is pending from here until Done, and the End of its scopes waits for it. The
// caller must call Done in every case, also when Resolve returned an error. For an intent
// without an actor the error is audit.ErrNoActor or an *audit.ActorError; for a signal that
// is no error. A signal does not wait for a function for which others have waited in vain.
func Resolve(ctx context.Context, e *audit.Event, wait time.Duration) (Resolved, error) {
	r, actor, err := inside.Audit.Resolve(ctx, e.Actor.IsZero(), e.Kind == audit.KindSignal, wait)
	if actor != nil {
		e.Actor = *actor
	}
	if e.Kind == audit.KindSignal {
		err = nil
	}
	return Resolved{
		Scope: r.Scope, Channel: r.Channel, Tenant: r.Tenant,
		Metadata: r.Metadata, Overridden: r.Overridden, Marks: r.Marks,
		Afterwards: r.Afterwards, Suppressed: r.Suppressed, Finishing: r.Finishing,
		entered: r.Entered,
	}, err
}

// Done reports that the event is no longer pending.
func (r *Resolved) Done() {
	inside.Audit.Done(r.Scope, r.entered)
	r.entered = 0
}

// TakeHung returns how many calls of actor functions of a scope and of the outer ones did
// not return in time, since TakeHung was called before. An SDK that reports them for each
// event, also for one that has an actor, reports each such call once, whoever has waited for
// it.
func TakeHung(s *audit.Scope) int64 { return inside.Audit.TakeHung(s) }
