package audit

import (
	"context"

	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// Snapshot is the audit context of one moment, for work that runs later or in another
// process. [TakeSnapshot] returns one, and its NewScope method opens a scope that has
// it. Package propagation carries snapshots between processes as signed tokens.
//
// In a snapshot that TakeSnapshot returned, the session IDs of the actor are
// fingerprints and stay what they are. A session ID that was set since, like that of a
// snapshot made by hand, is fingerprinted when it is recorded.
//
// The slices are shared with scopes and records. Replace them; do not change them.
type Snapshot struct {
	// Actor is who acts.
	Actor Actor
	// Channel says how the actor reached the service, or is empty.
	Channel string
	// Tenant is the customer or organization, or empty.
	Tenant string
	// Metadata is the metadata of the scope, sorted by key.
	Metadata []attribute.KeyValue
	// Overridden is the metadata that inner scopes replaced, sorted by key.
	Overridden []attribute.KeyValue
	// Marks says what is known about values of the metadata, sorted by path.
	Marks []mark.Mark
}

// TakeSnapshot returns what [Detach] would keep of the audit context of ctx with the
// same options. It finds the actor now, with the actor function (WithActor) of the scope or
// of the options, and replaces session IDs with their fingerprints.
//
// The error is ErrNoActor if there is no actor, and an [ActorError] if an actor function
// failed.
func TakeSnapshot(ctx context.Context, opts ...ScopeOption) (Snapshot, error) {
	inner, s, err := Detach(ctx, opts...)
	if err != nil {
		return Snapshot{}, err
	}
	const self = 1 // the scope cannot end, because no other code has it
	shared, err := frameOf(inner).resolveActor(inner, detachedResolverWait, self)
	if err != nil {
		return Snapshot{}, err
	}
	actor := shared.Clone()
	actor.FingerprintSession()
	actor.acceptFingerprints()
	return Snapshot{
		Actor: actor, Channel: s.channel, Tenant: s.tenant,
		Metadata: s.metadata, Overridden: s.overridden, Marks: s.marks,
	}, nil
}

// NewScope opens a scope that has what the snapshot holds, and returns a context that
// carries it. Options change the scope, as those of the function NewScope do; an actor
// function among them takes the place of the snapshot's actor, unless it returns
// ErrInherit. The caller ends the scope, even if the work panics.
//
// The context keeps the cancellation and the values of ctx, such as its trace. Of the
// audit context of ctx it keeps the mark of SuppressSignals and nothing else.
func (s Snapshot) NewScope(ctx context.Context, opts ...ScopeOption) (context.Context, *Scope) {
	f, scope := newDetachedScope(ctx)
	if !s.Actor.IsZero() {
		actor := s.Actor.Clone()
		scope.inherited = &actor
	}
	scope.channel, scope.tenant = s.Channel, s.Tenant
	overridden, _ := mergeScopeMetadata(nil, nil, s.Overridden)
	scope.metadata, scope.overridden = mergeScopeMetadata(nil, overridden, s.Metadata)
	scope.marks = mark.Merge(nil, s.Marks)
	_ = scope.Set(opts...) // a new scope has not ended
	return f, scope
}
