package audit

import (
	"sync/atomic"

	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// cover is the identity of what an intent covers: one operation on one object. All texts
// are compared as they were tracked.
//
// docs/covering.md explains the rules to users.
type cover struct {
	provider   any
	tenant     string
	namespace  string // semconv.TargetNamespaceKey
	targetType string
	targetID   string
	operation  Operation
	action     string // if there is no operation
	unknown    bool   // the intent does not say how it ended
	inner      bool   // the intent was recorded in an inner scope
}

// newCover returns the cover of what e did to target. It names no object if the target
// has no type or no ID.
func newCover(provider any, e *Event, target Target) cover {
	c := cover{
		provider: provider, tenant: e.Tenant, namespace: textOf(e.Metadata, semconv.TargetNamespaceKey),
		targetType: target.Type, targetID: target.ID, operation: e.Operation, unknown: e.Outcome == OutcomeUnknown,
	}
	if c.operation == OperationUnspecified {
		c.action = e.Action
	}
	return c
}

func (c *cover) namesObject() bool { return c.targetType != "" && c.targetID != "" }

// anyWrite returns the cover of every write to the object: what an intent covers of a
// target in Event.Covers.
func (c cover) anyWrite() cover {
	c.operation, c.action = OperationUnspecified, ""
	return c
}

// isWrite reports whether the operation changes its target.
func (c *cover) isWrite() bool {
	switch c.operation {
	case OperationCreate, OperationUpdate, OperationDelete:
		return true
	default:
		return false
	}
}

// stake is a cover that an intent adds to the scopes, and the claim that they share.
type stake struct {
	cover
	claim *claim
}

// appendStakes appends what the intent e covers: what it did to its target and to the
// sample of a bulk change, and every write to the targets in Covers. It covers nothing if
// it failed, was denied, or only begins an attempt. If its outcome is unknown, it does not
// cover a signal that knows better.
func appendStakes(stakes []stake, provider any, e *Event) []stake {
	if e.Kind != KindIntent || e.Outcome == OutcomeFailure || e.Outcome == OutcomeDenied || e.BeginsAttempt() {
		return stakes
	}
	add := func(c cover) {
		if c.namesObject() {
			stakes = append(stakes, stake{cover: c})
		}
	}
	add(newCover(provider, e, e.Target))
	for _, id := range e.Bulk.Sample {
		add(newCover(provider, e, Target{Type: e.Target.Type, ID: id}))
	}
	for _, target := range e.Covers {
		add(newCover(provider, e, target).anyWrite())
	}
	return stakes
}

// origin says where a signal comes from, if two stores, or two types of IDs in one, may
// have objects of the same type and ID.
type origin struct {
	database string // semconv.DBNamespaceKey
	idType   string // semconv.TargetIDTypeKey
}

func originOf(e *Event) origin {
	return origin{textOf(e.Metadata, semconv.DBNamespaceKey), textOf(e.Metadata, semconv.TargetIDTypeKey)}
}

// claim lets a cover apply to signals of one origin, the first: an intent does not say
// which store it means. The scopes that share a claim may use it concurrently.
type claim struct{ first atomic.Pointer[origin] }

// admits reports whether the cover applies to a signal from o. A signal that names no
// database may come from anywhere.
func (c *claim) admits(o origin) bool {
	if o.database == "" {
		return true
	}
	first := c.first.Load()
	if first == nil {
		if c.first.CompareAndSwap(nil, &o) {
			return true
		}
		first = c.first.Load()
	}
	return *first == o
}

// used reports whether a signal has settled the origin.
func (c *claim) used() bool { return c.first.Load() != nil }

// textOf returns the text of a key of metadata, or "".
func textOf(kvs []attribute.KeyValue, key attribute.Key) string {
	for i := range kvs {
		if kvs[i].Key == key && kvs[i].Value.Type() == attribute.STRING {
			return kvs[i].Value.AsString()
		}
	}
	return ""
}
