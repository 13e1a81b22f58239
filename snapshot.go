package audit

import (
	"context"

	"github.com/opendeed/audit/internal/bridge"
	"github.com/opendeed/audit/internal/resolver"
)

// takeSnapshot implements plumbing.TakeSnapshot.
func takeSnapshot(ctx context.Context, opts []ScopeOption) (bridge.Snapshot[Actor], error) {
	inner, s, err := Detach(ctx, opts...)
	if err != nil {
		return bridge.Snapshot[Actor]{}, err
	}
	const self = 1 // the scope cannot end, because no other code has it
	shared, err := frameOf(inner).findActor(inner, resolver.Query{Wait: detachedResolverWait, Entered: self})
	if err != nil {
		return bridge.Snapshot[Actor]{}, err
	}
	actor := shared.Clone()
	actor.FingerprintSession()
	actor.acceptFingerprints()
	return bridge.Snapshot[Actor]{Actor: actor, Data: s.data}, nil
}

// openSnapshot implements plumbing.Snapshot.NewScope.
func openSnapshot(ctx context.Context, s bridge.Snapshot[Actor], opts []ScopeOption) (context.Context, *Scope) {
	f, scope := newDetachedScope(ctx)
	if !s.Actor.IsZero() {
		actor := s.Actor.Clone()
		scope.who.Inherit(nil, &actor)
	}
	scope.data = s.Sorted()
	_ = scope.Set(opts...) // a new scope has not ended
	return f, scope
}
