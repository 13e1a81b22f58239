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
func (x *Exchange) said() audit.Event { return inside.Audit.Said(x.scope, false) }

// reporter returns the function that reports what a handler said in vain: to the error
// handler, and to the tracker of the route's intent. A route without an intent has a nil one.
func (x *Exchange) reporter(t audit.Tracker) func(context.Context, error) {
	return func(ctx context.Context, err error) {
		if x.errorHandler != nil || t == nil {
			x.handleError(err)
		}
		if t != nil {
			inside.Audit.Report(ctx, t, err)
		}
	}
}

// checkIntent reports an intent that succeeded and says nothing of what it was done to, or
// that says of one deed what the handler called something else.
func (x *Exchange) checkIntent(t audit.Tracker, e *audit.Event) {
	report := x.reporter(t)
	if e.Target == (audit.Target{}) {
		if e.Outcome == audit.OutcomeSuccess && x.checksTargets(t) {
			option := "TargetParam"
			if x.system != "" {
				option = "TargetFrom"
			}
			report(x.ctx, fmt.Errorf("audit: the intent %s of route %s has no target; set one in the event, by %s or by audit.SetTarget", e.Action, x.route, option))
		}
		return
	}
	if action := x.otherAction(e); action != "" {
		report(x.ctx, fmt.Errorf("audit: the handler recorded %s, and its route the intent %s, for one operation on one target; record it once, or give both the same action", action, e.Action))
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
