package audit

import (
	"context"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/mark"
)

// takeSnapshot implements plumbing.TakeSnapshot.
func takeSnapshot(ctx context.Context, opts []ScopeOption) (bridge.Snapshot[Actor], error) {
	inner, s, err := Detach(ctx, opts...)
	if err != nil {
		return bridge.Snapshot[Actor]{}, err
	}
	const self = 1 // the scope cannot end, because no other code has it
	shared, err := frameOf(inner).resolveActor(inner, inquiry{wait: detachedResolverWait, entered: self})
	if err != nil {
		return bridge.Snapshot[Actor]{}, err
	}
	actor := shared.Clone()
	actor.FingerprintSession()
	actor.acceptFingerprints()
	return bridge.Snapshot[Actor]{
		Actor: actor, Channel: s.channel, Tenant: s.tenant,
		Metadata: s.metadata, Overridden: s.overridden, Marks: s.marks,
	}, nil
}

// openSnapshot implements plumbing.Snapshot.NewScope.
func openSnapshot(ctx context.Context, s bridge.Snapshot[Actor], opts []ScopeOption) (context.Context, *Scope) {
	f, scope := newDetachedScope(ctx)
	if !s.Actor.IsZero() {
		actor := s.Actor.Clone()
		scope.inherited = &actor
	}
	scope.channel, scope.tenant = s.Channel, s.Tenant
	overridden, _ := sorted.Merge(nil, nil, s.Overridden)
	scope.metadata, scope.overridden = sorted.Merge(nil, overridden, s.Metadata)
	scope.marks = mark.Merge(nil, s.Marks)
	_ = scope.Set(opts...) // a new scope has not ended
	return f, scope
}
