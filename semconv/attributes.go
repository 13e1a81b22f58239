package semconv

import "go.opentelemetry.io/otel/attribute"

// Metadata of a target that its type and ID alone do not identify.
const (
	// TargetNamespaceKey is the namespace of the target's ID, if there are several for the
	// target's type, e.g. "archive.orders". An intent covers only signals of the same
	// namespace; no namespace is a namespace too.
	TargetNamespaceKey = attribute.Key("audit.target.namespace")
	// TargetIDTypeKey is the type that the target's ID has in its store, e.g. "string", if
	// an ID of another type has the same text.
	TargetIDTypeKey = attribute.Key("audit.target.id_type")
)

// Metadata of a rejection (ActionRejected).
const (
	// RejectedActionKey is the action of the event that was rejected. It may be malformed.
	RejectedActionKey = attribute.Key("audit.rejected.action")
	// RejectedFieldsKey lists the paths of what is missing or wrong, e.g. "reason".
	RejectedFieldsKey = attribute.Key("audit.rejected.fields")
	// RejectedRuleKey is the name of the policy's rule that rejected the event.
	RejectedRuleKey = attribute.Key("audit.rejected.rule")
)

// Metadata of an HTTP request, with the names of OpenTelemetry's semantic conventions
// (https://opentelemetry.io/docs/specs/semconv/http/).
const (
	// HTTPRequestMethodKey is the method of the request, e.g. "PATCH".
	HTTPRequestMethodKey = attribute.Key("http.request.method")
	// HTTPResponseStatusCodeKey is the status code of the response, an integer.
	HTTPResponseStatusCodeKey = attribute.Key("http.response.status_code")
	// HTTPRouteKey is the pattern that the router matched, e.g. "/articles/:id".
	HTTPRouteKey = attribute.Key("http.route")
	// URLPathKey is the path of the request, without the query.
	URLPathKey = attribute.Key("url.path")
	// ClientAddressKey is the address of the client, as trusted proxies report it.
	ClientAddressKey = attribute.Key("client.address")
	// NetworkPeerAddressKey is the address of the other end of the connection.
	NetworkPeerAddressKey = attribute.Key("network.peer.address")
	// UserAgentOriginalKey is the User-Agent header.
	UserAgentOriginalKey = attribute.Key("user_agent.original")
)

// Metadata of a remote procedure call, with the names of OpenTelemetry's semantic conventions
// (https://opentelemetry.io/docs/specs/semconv/rpc/).
const (
	// RPCSystemNameKey is the RPC system, e.g. "grpc" or "connectrpc".
	RPCSystemNameKey = attribute.Key("rpc.system.name")
	// RPCMethodKey is the full name of the method, e.g. "shop.v1.Articles/Publish".
	RPCMethodKey = attribute.Key("rpc.method")
	// RPCResponseStatusCodeKey is the name of the status code, e.g. "PERMISSION_DENIED" of
	// gRPC or "permission_denied" of Connect.
	RPCResponseStatusCodeKey = attribute.Key("rpc.response.status_code")
)

// Metadata of a database call, with the names of OpenTelemetry's semantic conventions
// (https://opentelemetry.io/docs/specs/semconv/database/).
const (
	// DBSystemNameKey is the kind of database, e.g. "mongodb".
	DBSystemNameKey = attribute.Key("db.system.name")
	// DBNamespaceKey is the name of the database.
	DBNamespaceKey = attribute.Key("db.namespace")
	// DBCollectionNameKey is the name of the collection or table.
	DBCollectionNameKey = attribute.Key("db.collection.name")
	// DBOperationNameKey is the name of the command, e.g. "findAndModify".
	DBOperationNameKey = attribute.Key("db.operation.name")
)

// Metadata for which OpenTelemetry has no name.
const (
	// RequestIDKey is the ID that the client or a proxy gave the request.
	RequestIDKey = attribute.Key("http.request.id")
	// ContextIDKey is the ID of the context token of a job. All deliveries of a message
	// have the same ID. If a job passes its context on in another token, the overridden
	// metadata of records contain the ID of the first token.
	ContextIDKey = attribute.Key("audit.context.id")
	// ContextChannelKey is the channel of the scope from which the first context token
	// was made, e.g. "api". The channel of the job itself is "job".
	ContextChannelKey = attribute.Key("audit.context.channel")
)

// Metadata of a call of a repository (package instrumentation/repository).
const (
	// ErrorTypeKey is the Go type of the error that a call failed with, as
	// OpenTelemetry's conventions name it. The error's text is not recorded, because it
	// may hold values. The value is "context.Canceled" or "context.DeadlineExceeded" for
	// these errors, and "aborted" if the store panicked or ended its goroutine.
	ErrorTypeKey = attribute.Key("error.type")
	// RepositoryBeforeUnknownKey marks a record whose target had an unknown value before the
	// write: a change without an old value does not mean that the field was empty. The
	// value is the Go type of the error that Get returned, "not copied" if Config.Clone
	// or the diff failed, or "not set" if Do's function did not set the value.
	RepositoryBeforeUnknownKey = attribute.Key("repository.before_unknown")
)

// Metadata of reads, and the selectors of those of several objects.
const (
	// ReadOneInKey says that the reads are a sample: those of one request in so many are
	// recorded, an integer. Without it all are.
	ReadOneInKey = attribute.Key("audit.read.one_in")

	// SelectorReturned is the selector of what a store returned. bulk.sample has the different
	// IDs, up to its limit.
	SelectorReturned = "returned"
	// SelectorRequested is the selector of reads that failed or were denied.
	SelectorRequested = "requested"
)

// Metadata of a MongoDB command (package instrumentation/mongodb).
const (
	// MongoDBChangedFieldsKey lists the tracked fields whose new value is not in the command, as
	// with $inc. The value is a sorted slice of at most 200 paths.
	MongoDBChangedFieldsKey = attribute.Key("db.mongodb.changed_fields")
)

// Metadata of a unit of work (package unit) and of what was tracked in it.
const (
	// UnitKey is the ID of the attempt that began the unit, in each record that the unit
	// held.
	UnitKey = attribute.Key("audit.unit")
	// UnitEndKey says how the unit, or a part of it, ended, if it was not committed: one of
	// the values below.
	UnitEndKey = attribute.Key("audit.unit.end")
	// UnitRunsKey is how often the unit's work was started, if more than once.
	UnitRunsKey = attribute.Key("audit.unit.runs")
)

// The values of UnitEndKey.
const (
	// UnitEndRolledBack means that the work was undone, by a rollback of the transaction or
	// to a savepoint.
	UnitEndRolledBack = "rolled_back"
	// UnitEndRerun means that the work was undone and started again.
	UnitEndRerun = "rerun"
	// UnitEndUnknown means that the answer to the commit was lost.
	UnitEndUnknown = "unknown"
)

// Metadata of a fold: the records with the number of events that one party caused too fast
// to record each of them.
const (
	// FoldKey says whose events were folded: "actor", "network", or "everyone" for those
	// of many networks.
	FoldKey = attribute.Key("audit.fold")
	// FoldNetworkKey is the network of the clients, such as "203.0.113.0/24". It is
	// missing if their address was unknown or redacted.
	FoldNetworkKey = attribute.Key("audit.fold.network")
	// FoldFirstKey and FoldLastKey are the times of the first and the last folded event.
	FoldFirstKey = attribute.Key("audit.fold.first")
	FoldLastKey  = attribute.Key("audit.fold.last")
)

// Metadata of who looked at which records (ActionTrailRead, ActionTrailExport).
const (
	// TrailSourcesKey lists the stores that were asked, without credentials.
	TrailSourcesKey = attribute.Key("audit.trail.sources")
	// TrailFilterKey is the JSON of the query.Filter.
	TrailFilterKey = attribute.Key("audit.trail.filter")
	// TrailCommandKey is the command or the page by which it happened, e.g. "deed export".
	TrailCommandKey = attribute.Key("audit.trail.command")
	// TrailRecordsKey is the number of records that were exported, archived, removed or imported, or
	// of dead letters that were given up, or of entries that an exporter lacked.
	TrailRecordsKey = attribute.Key("audit.trail.records")
	// TrailFileKey is the name of the file with the export, and TrailSHA256Key its SHA-256 in
	// hexadecimal.
	TrailFileKey   = attribute.Key("audit.trail.file")
	TrailSHA256Key = attribute.Key("audit.trail.sha256")
	// TrailLoginKey is the user who has logged in to the operating system, if the process has
	// the rights of another one, as after sudo.
	TrailLoginKey = attribute.Key("audit.trail.login")
)

// Metadata of what was archived, removed, imported and given up (ActionTrailArchive,
// ActionTrailRemove, ActionTrailImport, ActionDeadLetterDrop, ActionCursorRemove).
const (
	// TrailIntoKey is the store that records were imported to, without credentials.
	TrailIntoKey = attribute.Key("audit.trail.into")
	// TrailLogKey is the ID of the ledger, or the name of the collection, that had the
	// records.
	TrailLogKey = attribute.Key("audit.trail.log")
	// TrailFirstKey and TrailLastKey are the sequence numbers of the first and the last
	// entry.
	TrailFirstKey = attribute.Key("audit.trail.first")
	TrailLastKey  = attribute.Key("audit.trail.last")
	// RetentionPolicyKey is the ID of the policy, and RetentionRuleKey the name of the rule.
	RetentionPolicyKey = attribute.Key("audit.retention.policy")
	RetentionRuleKey   = attribute.Key("audit.retention.rule")
	// RetentionRemovedKey lists how many records of each rule were removed without an
	// archive, and RetentionArchivesKey the archives that have the others.
	RetentionRemovedKey  = attribute.Key("audit.retention.removed")
	RetentionArchivesKey = attribute.Key("audit.retention.archives")
	// RetentionDamagedKey is how many entries could not be read when somebody decided to remove
	// them, and RetentionGapsKey lists their sequence numbers, such as "4-9".
	RetentionDamagedKey = attribute.Key("audit.retention.damaged")
	RetentionGapsKey    = attribute.Key("audit.retention.gaps")
)

// Metadata of a repair (ActionLedgerRepair).
const (
	// RepairLostKey lists what was lost, a text for each damaged place, with the entries and the
	// file. The file losses in the directory of the ledger has the whole list.
	RepairLostKey = attribute.Key("audit.repair.lost")
)

// Metadata of erasures and disclosures (ActionSubjectErase, ActionTrailDisclose).
const (
	// ErasureKeyIDKey is the ID of the key that was to be destroyed, as erasable values have it.
	ErasureKeyIDKey = attribute.Key("audit.erasure.key_id")
	// DisclosedFieldKey is the field that was disclosed, e.g. "metadata.customer.email".
	DisclosedFieldKey = attribute.Key("audit.disclosed.field")
)

// TargetEpoch is the type of the target of an epoch's records: see ActionEpochOpen.
const TargetEpoch = "audit.epoch"

// Metadata of an epoch's records. The counts are those since the epoch was opened. A list has a
// text for each name, such as "invalid: 3", in the order of the names; a count of 0 is left out.
const (
	// EpochOpenedKey is the time at which the epoch was opened, in each of its records.
	EpochOpenedKey = attribute.Key("audit.epoch.opened")
	// EpochSourceKey says where the provider stores its records, e.g. "ledger/" and the ID of the
	// ledger: a later epoch with the same source shows that the earlier one has ended. It is
	// missing without a ledger.
	EpochSourceKey = attribute.Key("audit.epoch.source")
	// CountRecordedKey is the number of events that every delivery accepted.
	CountRecordedKey = attribute.Key("audit.count.recorded")
	// CountRejectedKey lists, by reason, the events whose Track failed, and those that never
	// reached the provider: tracked before it was set (no_provider), or lost by the monitor of a
	// database (monitor).
	CountRejectedKey = attribute.Key("audit.count.rejected")
	// CountDroppedKey lists, by the type of the processor, the events that processors dropped.
	CountDroppedKey = attribute.Key("audit.count.dropped")
	// CountDeadLetteredKey lists, by exporter, the entries of a ledger that became dead letters.
	CountDeadLetteredKey = attribute.Key("audit.count.dead_lettered")
	// CountLostKey lists, by exporter, the records that a batcher gave up.
	CountLostKey = attribute.Key("audit.count.lost")
	// CountRequestsKey lists the requests that a middleware with WithCoverage has seen, by the
	// words below. It is missing if no such middleware has seen a request.
	CountRequestsKey = attribute.Key("audit.count.requests")
)

// The names in CountRequestsKey.
const (
	// RequestsSeen are the requests that have begun. Each of them is one of the others once it
	// has ended.
	RequestsSeen = "seen"
	// RequestsAudited left an event of their own.
	RequestsAudited = "audited"
	// RequestsExempt are exempt from leaving an event, by a rule of the policy.
	RequestsExempt = "exempt"
	// RequestsNotRequired need not leave an event, such as those that only read.
	RequestsNotRequired = "not_required"
	// RequestsFailed failed or were denied.
	RequestsFailed = "failed"
	// RequestsMissing should have left an event and left none.
	RequestsMissing = "missing"
)
