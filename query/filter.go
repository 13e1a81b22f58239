package query

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Filter selects records. A record must match every field that is set; a zero field
// matches all records. Texts may be the original ones or, as in the record, escaped and
// cut: see record.EscapeName. An original ID, type, tenant or channel that is cut in the
// record matches if the record's mark has its hash: see record.CutName.
type Filter struct {
	// ActorType and ActorID match the actor itself, not the actor it acted on behalf of.
	ActorType audit.ActorType
	ActorID   string

	TargetType, TargetID, Tenant, Channel, TraceID string

	// Action is a pattern as in policy.Match: * matches any characters, so
	// "invoice.*" matches every action of invoices.
	Action    string
	Operation audit.Operation
	Outcome   *audit.Outcome
	Kind      *audit.Kind
	// Since and Until bound the time of the event: Since is included, Until is not.
	Since, Until time.Time
	// Metadata lists attributes that a record must have, with the same value of the
	// same type. An attribute with an empty value matches any value.
	Metadata []attribute.KeyValue

	// Ascending returns the oldest records first.
	Ascending bool
	// After skips the record with this cursor and all that come before it; see CursorOf.
	After string
	// Limit is the most records returned. Zero means no limit.
	Limit int
}

// FilterError reports an invalid field of a Filter.
type FilterError struct {
	// Field is the name of the invalid field, such as "Limit".
	Field string
	// Reason says what is wrong with its value.
	Reason string
}

// Error returns the field and the reason.
func (e *FilterError) Error() string { return "query: Filter." + e.Field + ": " + e.Reason }

// Validate returns a *FilterError for the first invalid field, or nil.
func (f *Filter) Validate() error {
	const unknown = "not one of the constants of its type"
	switch {
	case f.Limit < 0:
		return &FilterError{"Limit", "must not be negative"}
	case !f.ActorType.Valid():
		return &FilterError{"ActorType", unknown}
	case !f.Operation.Valid():
		return &FilterError{"Operation", unknown}
	case f.Outcome != nil && !f.Outcome.Valid():
		return &FilterError{"Outcome", unknown}
	case f.Kind != nil && !f.Kind.Valid():
		return &FilterError{"Kind", unknown}
	case !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since):
		return &FilterError{"Until", "must not be before Since"}
	}
	if f.After != "" {
		if _, err := ParseCursor(f.After); err != nil {
			return &FilterError{"After", "not a cursor from CursorOf"}
		}
	}
	return nil
}

// Matches reports whether a record matches the filter. It ignores After and Limit,
// which depend on the other records.
func (f *Filter) Matches(r *record.Record) bool {
	return f.matchesActor(r) && f.matchesEvent(r) && f.matchesTime(r.Time) && f.matchesMetadata(r)
}

func (f *Filter) matchesActor(r *record.Record) bool {
	return (f.ActorType == audit.ActorNone || f.ActorType == r.Actor.Type) && matchesName(f.ActorID, r.Actor.ID, r, "actor.id")
}

func (f *Filter) matchesEvent(r *record.Record) bool {
	return matchesName(f.TargetType, r.Target.Type, r, "target.type") && matchesName(f.TargetID, r.Target.ID, r, "target.id") &&
		matchesName(f.Tenant, r.Tenant, r, "tenant") && matchesName(f.Channel, r.Channel, r, "channel") &&
		(f.TraceID == "" || r.TraceID.IsValid() && f.TraceID == r.TraceID.String()) &&
		(f.Action == "" || policy.Match(f.Action, r.Action)) &&
		(f.Operation == audit.OperationUnspecified || f.Operation == r.Operation) &&
		(f.Outcome == nil || *f.Outcome == r.Outcome) &&
		(f.Kind == nil || *f.Kind == r.Kind)
}

func (f *Filter) matchesTime(t time.Time) bool {
	return (f.Since.IsZero() || !t.Before(f.Since)) && (f.Until.IsZero() || t.Before(f.Until))
}

func (f *Filter) matchesMetadata(r *record.Record) bool {
	for _, want := range f.Metadata {
		if !hasMetadata(r.Metadata, want) {
			return false
		}
	}
	return true
}

func hasMetadata(attrs []attribute.KeyValue, want attribute.KeyValue) bool {
	escaped := attribute.Key(record.EscapeName(string(want.Key)))
	for _, kv := range attrs {
		if kv.Key == want.Key || kv.Key == escaped {
			return want.Value.Type() == attribute.EMPTY || kv.Value == want.Value || kv.Value == escapedValue(want.Value)
		}
	}
	return false
}

// escapedValue returns a value as a record has it.
func escapedValue(v attribute.Value) attribute.Value {
	if v.Type() == attribute.STRING {
		return attribute.StringValue(record.EscapeText(v.AsString()))
	}
	return v
}

// matchesName compares a text with the one that the record has at the path. An empty want
// matches any text.
func matchesName(want, got string, r *record.Record, path string) bool {
	switch {
	case want == "" || want == got:
		return true
	case len(want) <= record.MaxNameLength/maxEscape:
		return record.EscapeName(want) == got
	}
	kept, cut := record.CutName(want)
	return kept == got && (!cut || hasHash(r.Marks, path, want))
}

// maxEscape is how much longer escaping makes a text, at most.
const maxEscape = len(`\xNN`)

// hasHash reports whether the text at the path was cut, and was want.
func hasHash(marks []mark.Mark, path, want string) bool {
	hash := sha256.Sum256([]byte(want))
	return slices.ContainsFunc(marks, func(m mark.Mark) bool {
		return m.Path == path && m.Kind == mark.Cut && m.SHA256 == hash
	})
}
