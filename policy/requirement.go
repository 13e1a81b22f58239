package policy

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/limits"
	"github.com/opendeed/audit/semconv"
)

const metadataPrefix = "metadata."

// isRequirable reports whether Rule.Require may list the field.
func isRequirable(field string) bool {
	switch field {
	case "reason", "target", "target.name", "tenant", "channel", "outcome", "changes":
		return true
	}
	return len(field) > len(metadataPrefix) && strings.HasPrefix(field, metadataPrefix)
}

// hasField reports whether the event has a required field. A text in which nothing can be
// seen is none. An event that begins an attempt needs no outcome and no changes.
func hasField(e *audit.Event, channel, field string) bool {
	switch field {
	case "reason":
		return !isBlank(e.Reason)
	case "target":
		return !isBlank(e.Target.Type) && !isBlank(e.Target.ID)
	case "target.name":
		return !isBlank(e.Target.Name)
	case "tenant":
		return !isBlank(e.Tenant)
	case "channel":
		return !isBlank(channel)
	case "outcome":
		return e.Outcome != audit.OutcomeUnknown || e.BeginsAttempt()
	case "changes":
		return len(e.Changes) > 0 || e.BeginsAttempt()
	}
	key := field[len(metadataPrefix):]
	for i := range e.Metadata {
		if string(e.Metadata[i].Key) == key {
			return !isBlankValue(e.Metadata[i].Value)
		}
	}
	return false
}

// AnonymousAllowed reports whether an anonymous actor is always accepted, as for failed
// logins and denied access.
func AnonymousAllowed(e *audit.Event) bool {
	failed := e.Outcome == audit.OutcomeDenied || e.Outcome == audit.OutcomeFailure
	return failed && (e.Operation == audit.OperationLogin || e.Action == semconv.ActionAccessDenied)
}

// isAnonymous reports whether the actor, or one that it acts on behalf of, is anonymous.
// It follows at most MaxDelegation links, since an unchecked chain may be a cycle.
func isAnonymous(a *audit.Actor) bool {
	for range limits.Delegation + 1 {
		if a == nil {
			return false
		}
		if a.Type == audit.ActorAnonymous {
			return true
		}
		a = a.OnBehalfOf
	}
	return false
}

// actorTypes is a list of actor types. An empty list matches all.
type actorTypes []audit.ActorType

func (t actorTypes) matches(a audit.ActorType) bool { return len(t) == 0 || slices.Contains(t, a) }

// covers reports whether t matches every type that u matches.
func (t actorTypes) covers(u actorTypes) bool {
	if len(t) > 0 && len(u) == 0 {
		return false
	}
	return !slices.ContainsFunc(u, func(a audit.ActorType) bool { return !t.matches(a) })
}

// String returns the types as a phrase: "user, service or system".
func (t actorTypes) String() string {
	words := make([]string, len(t))
	for i, a := range t {
		words[i] = a.String()
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}
