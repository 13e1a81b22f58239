package scan

// Path is the path of a member, such as "actor.id". Paths are numbered in the order of
// canonical JSON.
type Path uint8

// The paths that a Scanner finds: the members of a record, of its actor and of its target.
const (
	Action Path = iota
	Actor
	ActorAuthMethod
	ActorID
	ActorName
	ActorOnBehalfOf
	ActorRoles
	ActorSessionID
	ActorType
	Attempt
	Bulk
	Changes
	Channel
	Covers
	Failure
	ID
	Kind
	Marks
	Metadata
	ObservedTime
	Operation
	Outcome
	Overridden
	Reason
	Redacted
	Resource
	SpanID
	Target
	TargetID
	TargetName
	TargetType
	Tenant
	Time
	TraceID
	Tracker
)

var paths = [...]string{
	"action",
	"actor", "actor.auth_method", "actor.id", "actor.name", "actor.on_behalf_of", "actor.roles", "actor.session_id", "actor.type",
	"attempt", "bulk", "changes", "channel", "covers", "failure", "id", "kind", "marks", "metadata", "observed_time", "operation",
	"outcome", "overridden", "reason", "redacted", "resource", "span_id",
	"target", "target.id", "target.name", "target.type",
	"tenant", "time", "trace_id", "tracker",
}

// String returns the path as text.
func (p Path) String() string { return paths[p] }
