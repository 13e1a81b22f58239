package audit

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Event is what happened, as the caller states it. Action is required; what
// else is zero is filled from the context or left out of the record.
//
// Track copies what it keeps: the caller may reuse the event and its slices as
// soon as Track has returned.
type Event struct {
	// ID names the record. It is assigned when zero. A caller that tries again
	// after an error passes the same ID (see [DeliveryError]), so that the two
	// attempts are one record.
	ID ID
	// Time is when it happened, between the years 1970 and 9999. It is assigned
	// when zero.
	Time time.Time
	// Kind tells a stated intent (the zero value) from a noticed signal.
	Kind Kind
	// Action names what was done, e.g. "invoice.approve". See [NormalizeAction].
	Action string
	// Operation is the generic class of the action.
	Operation Operation
	// Actor is who did it. The zero value means the actor of the context.
	Actor Actor
	// Target is what it was done to.
	Target Target
	// Outcome is how it ended.
	Outcome Outcome
	// Reason is why it was done, or why it failed.
	Reason string
	// Bulk says which objects it was done to, where they are many.
	Bulk Bulk
	// Changes lists what changed in the target, usually made by [Diff].
	Changes []Change
	// Attempt ties the records of one attempt together: it is the ID of the record
	// that began it, and that record's own. [Begin] and [Attempt.Finish] set it; it is
	// zero in events that are stated by one record.
	Attempt ID
	// Tenant is the customer or organisation that it belongs to. Empty means the
	// tenant of the context.
	Tenant string
	// Metadata is anything else. A key must be stated once. It overrides the
	// scope's metadata of the same key, and the record keeps what was overridden. In
	// a record both are together, sorted by key.
	Metadata []attribute.KeyValue
}

// Target is what an action was done to. ID without Type is refused.
type Target struct {
	// Type is the kind of thing, e.g. "article".
	Type string
	// ID identifies the thing among those of its type.
	ID string
	// Name is a snapshot for readers, so that the record still reads well after
	// the thing was renamed or removed.
	Name string
}

// Change is one field's change.
type Change struct {
	// Field is the path of the field, e.g. "address.city".
	Field string
	// Old and New are the values, of type EMPTY where there is none.
	Old, New attribute.Value
	// Redacted says that Old and New are masked.
	Redacted bool
}
