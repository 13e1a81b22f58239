package audit

import (
	"time"

	"github.com/opendeed/audit/mark"
	"go.opentelemetry.io/otel/attribute"
)

// Event is what happened. Action is required. Other fields that are zero are filled from
// the context or left out of the record.
//
// Track copies what it keeps: the caller may reuse the event and its slices once Track
// has returned.
type Event struct {
	// ID identifies the record. Track assigns one if it is zero. A caller that tries
	// again after an error passes the same ID (see [DeliveryError]), so that both calls
	// make one record.
	ID ID
	// Time is when it happened, between the years 1970 and 9999. Track assigns the
	// current time if it is zero.
	Time time.Time
	// Kind distinguishes intents (the zero value) from signals.
	Kind Kind
	// Action names what was done, e.g. "invoice.approve": words of lower-case letters,
	// digits and underscores, joined by dots, at most 128 bytes. Track trims it, lowers
	// its letters and replaces spaces by underscores.
	Action string
	// Operation is the generic class of the action. An intent that states none covers no
	// signal of a write.
	Operation Operation
	// Actor is who did it. The zero value means the actor of the context.
	Actor Actor
	// Target is what it was done to.
	Target Target
	// Covers lists further objects that were changed with the target, such as rows of a
	// join table. An intent covers every signal of their creation, update or deletion,
	// whatever its own operation. A target with an ID or a name needs a Type.
	Covers []Target
	// Outcome is how it ended. An intent whose outcome is unknown covers no signal that
	// says how the write ended.
	Outcome Outcome
	// Reason says why it was done.
	Reason string
	// Failure says why it failed, or was denied.
	Failure string
	// Bulk describes the objects it was done to, if they are many.
	Bulk Bulk
	// Changes lists what changed in the target. [Diff] makes it.
	Changes []Change
	// Attempt connects the records of one attempt: it is the ID of the record that began
	// the attempt, also in that record itself. [Begin] and [Attempt.Finish] set it. It is
	// zero in all other events. Track removes it, and marks the record, if another tracker
	// or another actor began the attempt.
	Attempt ID
	// Tenant is the customer or organization that it belongs to. Empty means the tenant
	// of the context.
	Tenant string
	// Metadata is anything else. Keys must be unique. It overrides the scope's metadata
	// of the same key, and the record keeps what was overridden. A record has both,
	// sorted by key.
	Metadata []attribute.KeyValue
	// Marks say in which way values are not as they seem, such as changes that were asked
	// for and not observed. They are for integrations; the SDK adds its own. A record has
	// them sorted by path, then by kind.
	Marks []mark.Mark
}

// Target is what an action was done to. A target with an ID or a name needs a Type.
type Target struct {
	// Type is the kind of thing, e.g. "article".
	Type string
	// ID identifies the thing among those of its type.
	ID string
	// Name is a snapshot for readers, so that the record still makes sense after the
	// thing was renamed or removed.
	Name string
}

// Change is one field's change.
type Change struct {
	// Field is the path of the field, e.g. "address.city".
	Field string
	// Old and New are the values, of type EMPTY if absent.
	Old, New attribute.Value
	// Redacted reports whether Old and New are masked.
	Redacted bool
}
