package record

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
)

// CheckActor returns a [*audit.ValidationError] if a record of the kind cannot have the
// actor. It checks the whole OnBehalfOf chain, which may have at most MaxDelegation actors
// after the first. Each actor must have a known type and the ID that the type requires, or
// none if the type forbids one. Only a signal may have an unresolved actor. It does not
// check texts, which the SDK escapes.
func CheckActor(a *audit.Actor, kind audit.Kind) error {
	for depth := 0; a != nil; a, depth = a.OnBehalfOf, depth+1 {
		if depth > MaxDelegation {
			return &audit.ValidationError{
				Field:  "actor.on_behalf_of",
				Reason: "the chain is longer than " + strconv.Itoa(MaxDelegation) + ", or circular",
			}
		}
		if field, reason := checkActor(a, kind); field != "" {
			return &audit.ValidationError{Field: sanitize.ActorPath(depth, field), Reason: reason}
		}
	}
	return nil
}

// checkActor returns the first invalid field of one actor and the reason, or "".
func checkActor(a *audit.Actor, kind audit.Kind) (field, reason string) {
	switch a.Type {
	case audit.ActorUser, audit.ActorService, audit.ActorSystem:
		if a.ID == "" {
			return "id", "it is missing; a " + a.Type.String() + " must have one"
		}
	case audit.ActorAnonymous, audit.ActorUnresolved:
		if a.ID != "" {
			return "id", "an " + a.Type.String() + " actor must not have one"
		}
		if a.Type == audit.ActorUnresolved && kind != audit.KindSignal {
			return "type", "only a signal may have an unresolved actor"
		}
	case audit.ActorNone:
		return "type", "it is missing"
	default:
		return "type", "unknown value " + a.Type.String()
	}
	return "", ""
}
