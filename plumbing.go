package audit

import (
	"context"

	"github.com/opendeed/audit/internal/bridge"
)

// The parts of this package that package plumbing and the SDK need.
var _ = func() bool {
	bridge.Audit = &bridge.Functions[Actor, Event, Outcome, Scope, ScopeOption, Tracker]{
		Resolve:            resolve,
		Done:               leave,
		TakeHung:           func(s *Scope) int64 { return s.resolver().TakeHung() },
		TakeSnapshot:       takeSnapshot,
		OpenSnapshot:       openSnapshot,
		AcceptFingerprints: (*Actor).acceptFingerprints,
		Afterwards:         afterwards,
		IsAfterwards:       func(ctx context.Context) bool { return frameOf(ctx).afterwards },
		SignalsSuppressed:  func(ctx context.Context) bool { return frameOf(ctx).suppressed },
		ReadyAsFar:         ready,
		Check:              check,
		Wait:               wait,
		ExpectEvent:        expectEvent,
		OpenScope:          openScope,
		Expect:             expect,
		Said:               said,
		Complete:           completed,
		Report:             reportTo,
		WithClientMetadata: withClientMetadata,
		WithSignalLimit:    withSignalLimit,
		NoteRead:           noteRead,
		Hold:               hold,
		Accepted:           accepted,
		WithUnit:           withUnit,
		UnitOf:             unitOf,
		AcceptedInUnit:     acceptedInUnit,
		EndUnit:            endUnit,
	}
	return true
}()

// afterwards implements plumbing.Afterwards.
func afterwards(ctx context.Context) context.Context {
	if f, ok := ctx.(*frame); ok && f.scope != nil && f == &f.scope.own {
		return &f.scope.afterwards
	}
	f := derive(ctx)
	f.afterwards = true
	return f
}
