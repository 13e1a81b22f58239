package policy

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/semconv"
)

const metadataPrefix = "metadata."

// isRequirable reports whether a field may stand in Rule.Require.
func isRequirable(field string) bool {
	switch field {
	case "reason", "target", "target.name", "tenant", "channel", "outcome", "changes":
		return true
	}
	return len(field) > len(metadataPrefix) && strings.HasPrefix(field, metadataPrefix)
}

// has reports whether the event has what a requirement names, or cannot have it yet.
func has(e *audit.Event, channel, field string) bool {
	switch field {
	case "reason":
		return e.Reason != ""
	case "target":
		return e.Target.Type != "" && e.Target.ID != ""
	case "target.name":
		return e.Target.Name != ""
	case "tenant":
		return e.Tenant != ""
	case "channel":
		return channel != ""
	case "outcome":
		return e.Outcome != audit.OutcomeUnknown || e.BeginsAttempt()
	case "changes":
		return len(e.Changes) > 0 || e.BeginsAttempt()
	}
	key := field[len(metadataPrefix):]
	for i := range e.Metadata {
		if string(e.Metadata[i].Key) == key {
			return true
		}
	}
	return false
}

// NeedsNoLeave reports whether the event may be anonymous without anybody's leave: who
// fails to log in, or is refused access, has proved to be nobody.
func NeedsNoLeave(e *audit.Event) bool {
	refused := e.Outcome == audit.OutcomeDenied || e.Outcome == audit.OutcomeFailure
	return refused && (e.Operation == audit.OperationLogin || e.Action == semconv.ActionAccessDenied)
}

// isAnonymous reports whether who acted, or somebody for whom, is anonymous. No chain
// is longer than MaxDelegation, but one that is not checked yet may be a circle.
func isAnonymous(a *audit.Actor) bool {
	for range audit.MaxDelegation + 1 {
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

// actorTypes is a list of types of actors. An empty one has them all.
type actorTypes []audit.ActorType

func (t actorTypes) match(a audit.ActorType) bool { return len(t) == 0 || slices.Contains(t, a) }

func (t actorTypes) cover(u actorTypes) bool {
	if len(t) > 0 && len(u) == 0 {
		return false
	}
	return !slices.ContainsFunc(u, func(a audit.ActorType) bool { return !t.match(a) })
}

// String lists the types for people: "user, service or system".
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
