package plumbing

import (
	"context"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/scopedata"
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
	Actor audit.Actor
	// Channel says how the actor reached the service, or is empty. Tenant is the customer
	// or organization, or empty.
	Channel, Tenant string
	// Metadata is the metadata of the scope, sorted by key. Overridden is the metadata that
	// inner scopes replaced, sorted by key.
	Metadata, Overridden []attribute.KeyValue
	// Marks says what is known about values of the metadata, sorted by path.
	Marks []mark.Mark
}

// TakeSnapshot returns what audit.Detach would keep of the audit context of ctx with the
// same options. It finds the actor now, with the actor function (audit.WithActor) of the
// scope or of the options, and replaces session IDs with their fingerprints.
//
// The error is audit.ErrNoActor if there is no actor, and an *audit.ActorError if an actor
// function failed.
func TakeSnapshot(ctx context.Context, opts ...audit.ScopeOption) (Snapshot, error) {
	s, err := inside.Audit.TakeSnapshot(ctx, opts)
	return Snapshot{
		Actor: s.Actor, Channel: s.Channel, Tenant: s.Tenant,
		Metadata: s.Metadata, Overridden: s.Overridden, Marks: s.Marks,
	}, err
}

// NewScope opens a scope that has what the snapshot holds, and returns a context that
// carries it. Options change the scope, as those of audit.NewScope do; an actor
// function among them takes the place of the snapshot's actor, unless it returns
// ErrInherit. The caller ends the scope, even if the work panics.
//
// The context keeps the cancellation and the values of ctx, such as its trace. Of the
// audit context of ctx it keeps the mark of audit.SuppressSignals and nothing else.
func (s Snapshot) NewScope(ctx context.Context, opts ...audit.ScopeOption) (context.Context, *audit.Scope) {
	data := scopedata.Data{Channel: s.Channel, Tenant: s.Tenant, Metadata: s.Metadata, Overridden: s.Overridden, Marks: s.Marks}
	return inside.Audit.OpenSnapshot(ctx, bridge.Snapshot[audit.Actor]{Data: data, Actor: s.Actor}, opts)
}
