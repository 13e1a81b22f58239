package request

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/inside"
	"github.com/opendeed/audit/internal/names"
)

// said returns what handlers have said so far of the event of the request: see
// audit.SetTarget.
func (x *Exchange) said() audit.Event { return inside.Audit.Said(&x.scope, false) }

// source knows the event of a route.
type source interface {
	// eventOf returns the event, given the status of the response, or 0.
	eventOf(x *Exchange, status int) audit.Event
	trackedBy() audit.Tracker
}

// author is the bridge.Author of a request whose route has no intent.
type author Exchange

// Event is not called.
func (a *author) Event() audit.Event { return audit.Event{} }

// Report implements bridge.Author.
func (a *author) Report(ctx context.Context, err error) {
	x := (*Exchange)(a)
	x.report(ctx, x.config.Denials, err)
}

// intentAuthor is the bridge.Author of a request whose route has an intent.
type intentAuthor Exchange

// Event implements bridge.Author.
func (a *intentAuthor) Event() audit.Event {
	x := (*Exchange)(a)
	return x.about.eventOf(x, 0)
}

// Report implements bridge.Author.
func (a *intentAuthor) Report(ctx context.Context, err error) {
	x := (*Exchange)(a)
	x.report(ctx, x.about.trackedBy(), err)
}

// expect says which event the handler completes.
func (x *Exchange) expect(s source) {
	x.about = s
	inside.Audit.Expect(&x.scope, s.trackedBy(), (*intentAuthor)(x))
}

// report reports what a handler said in vain: to the error handler, and to the tracker of the
// route's intent. A route without an intent has a nil one.
func (x *Exchange) report(ctx context.Context, t audit.Tracker, err error) {
	if x.errorHandler != nil || t == nil {
		x.handleError(err)
	}
	if t != nil {
		inside.Audit.Report(ctx, t, err)
	}
}

// checkIntent reports an intent that succeeded and says nothing of what it was done to, or
// that says of one deed what the handler called something else.
func (x *Exchange) checkIntent(t audit.Tracker, e *audit.Event) {
	if e.Target == (audit.Target{}) {
		if e.Outcome == audit.OutcomeSuccess && x.checksTargets(t) {
			option := "TargetParam"
			if x.system != "" {
				option = "TargetFrom"
			}
			x.report(x.ctx, t, fmt.Errorf("audit: the intent %s of route %s has no target; set one in the event, by %s or by audit.SetTarget", e.Action, x.route, option))
		}
		return
	}
	if action := x.otherAction(e); action != "" {
		x.report(x.ctx, t, fmt.Errorf("audit: the handler recorded %s, and its route the intent %s, for one operation on one target; record it once, or give both the same action", action, e.Action))
	}
}

// checksTargets reports whether an intent of t without a target is reported.
func (x *Exchange) checksTargets(t audit.Tracker) bool {
	for ; x != nil; x = x.outer {
		if x.config.CheckTargets {
			return true
		}
	}
	strict, ok := t.(interface{ ChecksTargets() bool }) // that of audittest
	return ok && strict.ChecksTargets()
}

// otherAction returns the action of an intent that the handler recorded for the operation
// and the target of e, or "".
func (x *Exchange) otherAction(e *audit.Event) (action string) {
	if e.Operation == audit.OperationUnspecified {
		return ""
	}
	own := names.NormalizeAction(e.Action)
	x.scope.Tracked(func(other *audit.Event) bool {
		if other.Kind != audit.KindIntent || other.Operation != e.Operation || !sameTarget(e.Target, other.Target) ||
			other.BeginsAttempt() || isDone(other.Outcome) != isDone(e.Outcome) || other.Action == own {
			return false
		}
		action = other.Action
		return true
	})
	return action
}
