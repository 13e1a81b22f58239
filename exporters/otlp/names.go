package otlp

// The attributes of a record. The first group has the names of OpenTelemetry's proposal for
// audit logs (OTEP 0267); the others are this project's own. Request metadata keeps
// OpenTelemetry's names.
const (
	attributeRecordID      = "audit.record.id"
	attributeSchemaVersion = "audit.schema.version"
	attributeAction        = "audit.action"
	attributeOutcome       = "audit.outcome"
	attributeActorID       = "audit.actor.id"
	attributeActorType     = "audit.actor.type"
	attributeTargetID      = "audit.target.id"
	attributeTargetType    = "audit.target.type"

	attributeActorName       = "audit.actor.name"
	attributeActorAuthMethod = "audit.actor.auth_method"
	attributeActorSessionID  = "audit.actor.session_id"
	attributeActorRoles      = "audit.actor.roles"
	attributeActorOnBehalfOf = "audit.actor.on_behalf_of"
	attributeTargetName      = "audit.target.name"
	attributeKind            = "audit.kind"
	attributeOperation       = "audit.operation"
	attributeAttempt         = "audit.attempt.id"
	attributeBulkSelector    = "audit.bulk.selector"
	attributeBulkAffected    = "audit.bulk.affected"
	attributeBulkSample      = "audit.bulk.sample"
	attributeCovers          = "audit.covers"
	attributeReason          = "audit.reason"
	attributeFailure         = "audit.failure"
	attributeTenant          = "audit.tenant"
	attributeChannel         = "audit.channel"
	attributeChanges         = "audit.changes"
	attributeOverridden      = "audit.overridden"
	attributeRedacted        = "audit.redacted"
	attributeMarks           = "audit.marks"
	// Times that cannot be expressed in nanoseconds since 1970.
	attributeTime         = "audit.time"
	attributeObservedTime = "audit.observed_time"
	// Metadata whose key is empty or has attributePrefix, so that it cannot forge another
	// attribute.
	attributeMetadata = "audit.metadata"
	// The place of the record in its ledger, which is no part of the record.
	attributePlaceLog = "audit.place.log"
	attributePlaceSeq = "audit.place.seq"

	// attributePrefix is the prefix of all these names.
	attributePrefix = "audit."
)

// SchemaVersion is the version of the mapping, the value of the attribute
// audit.schema.version.
const SchemaVersion = "1"

// The keys of an actor in on_behalf_of, of a target in covers, of a change and of a mark.
const (
	actorType       = "type"
	actorID         = "id"
	actorName       = "name"
	actorAuthMethod = "auth_method"
	actorSessionID  = "session_id"
	actorRoles      = "roles"
	actorOnBehalfOf = "on_behalf_of"

	targetType = "type"
	targetID   = "id"
	targetName = "name"

	markPath   = "path"
	markKind   = "mark"
	markCount  = "count"
	markLength = "length"
	markSHA256 = "sha256"

	changeField    = "field"
	changeOld      = "old"
	changeNew      = "new"
	changeRedacted = "redacted"
)
