package audit

import (
	"github.com/opendeed/audit/internal/covering"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// newCover returns the cover of what e did to target. It names no object if the target
// has no type or no ID.
func newCover(provider any, e *Event, target Target) (c covering.Cover) {
	setCover(&c, provider, e, target)
	return c
}

// setCover is newCover in place.
func setCover(c *covering.Cover, provider any, e *Event, target Target) {
	*c = covering.Cover{
		Provider: provider, Tenant: e.Tenant, Namespace: textOf(e.Metadata, semconv.TargetNamespaceKey),
		TargetType: target.Type, TargetID: target.ID, Operation: uint8(e.Operation), Unknown: e.Outcome == OutcomeUnknown,
	}
	switch e.Operation {
	case OperationUnspecified:
		c.Action = e.Action
	case OperationCreate, OperationUpdate, OperationDelete:
		c.Write = true
	default:
	}
}

// appendStakes appends what the intent e covers: what it did to its target and to the
// sample of a bulk change, and every write to the targets in Covers. It covers nothing if
// it failed, was denied, or only begins an attempt. If its outcome is unknown, it does not
// cover a signal that knows better.
func appendStakes(stakes []covering.Stake, provider any, e *Event) []covering.Stake {
	if e.Kind != KindIntent || e.Outcome == OutcomeFailure || e.Outcome == OutcomeDenied || e.BeginsAttempt() {
		return stakes
	}
	stakes = append(stakes, covering.Stake{})
	setCover(&stakes[len(stakes)-1].Cover, provider, e, e.Target)
	for _, id := range e.Bulk.Sample {
		stakes = append(stakes, covering.Stake{Cover: newCover(provider, e, Target{Type: e.Target.Type, ID: id})})
	}
	for _, target := range e.Covers {
		stakes = append(stakes, covering.Stake{Cover: newCover(provider, e, target).AnyWrite()})
	}
	return stakes
}

func originOf(e *Event) covering.Origin {
	return covering.Origin{Database: textOf(e.Metadata, semconv.DBNamespaceKey), IDType: textOf(e.Metadata, semconv.TargetIDTypeKey)}
}

// textOf returns the text of a key of metadata, or "".
func textOf(kvs []attribute.KeyValue, key attribute.Key) string {
	for i := range kvs {
		if kvs[i].Key == key && kvs[i].Value.Type() == attribute.STRING {
			return kvs[i].Value.AsString()
		}
	}
	return ""
}
