package index

// Field is a part of a record whose texts are terms. Its number is part of the format.
type Field uint8

// The fields. Their texts are those of the record's canonical JSON, without the quotes.
const (
	ID Field = iota + 1
	Action
	Operation
	Outcome
	Kind
	ActorType
	ActorID
	OnBehalfOf // the ID of an actor for whom the actor acted
	Session
	TargetType
	TargetID // also of a covered target
	Tenant
	Channel
	Trace
	Attempt
	MetadataKey
	Metadata  // a key and its value, as it is in the JSON
	Changed   // the name of a changed field
	Delegated // "true" if the actor acted on behalf of somebody
	fields
)

// allFields is the set of the fields that this package collects.
const allFields = 1<<fields - 2

// faceted are the fields of which an index has the texts and counts, if there are few.
const faceted = 1<<Action | 1<<Operation | 1<<Outcome | 1<<Kind | 1<<ActorType | 1<<TargetType | 1<<Tenant | 1<<Channel | 1<<ActorID
