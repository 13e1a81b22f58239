package query

import (
	"bytes"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Filter says which records are wanted. What is zero does not matter; all else must
// match.
type Filter struct {
	// ActorType and ActorID are those of who acted, not of whom they acted for.
	ActorType audit.ActorType
	ActorID   string

	TargetType, TargetID, Tenant, Channel, TraceID string

	// Action is a pattern in which * stands for any characters: "invoice.*".
	Action    string
	Operation audit.Operation
	Outcome   *audit.Outcome
	Kind      *audit.Kind
	// Since and Until bound the time: [Since, Until).
	Since, Until time.Time
	// Metadata must all be there, each with this value, of this type. An empty value
	// stands for any.
	Metadata []attribute.KeyValue

	// Ascending asks for the oldest first.
	Ascending bool
	// After is the Cursor of the last record seen.
	After string
	// Limit bounds how many records come. Zero is no bound.
	Limit int
}

// FilterError says what is wrong with a Filter.
type FilterError struct {
	// Field is the name of the field.
	Field string
	// Reason is what is wrong with it.
	Reason string
}

// Error returns a sentence for logs.
func (e *FilterError) Error() string { return "query: Filter." + e.Field + ": " + e.Reason }

// Validate returns a *FilterError if the filter is wrong.
func (f *Filter) Validate() error {
	switch {
	case f.Limit < 0:
		return &FilterError{"Limit", "it must not be negative"}
	case !f.ActorType.Valid():
		return &FilterError{"ActorType", "it is none of the constants"}
	case !f.Operation.Valid():
		return &FilterError{"Operation", "it is none of the constants"}
	case f.Outcome != nil && !f.Outcome.Valid():
		return &FilterError{"Outcome", "it is none of the constants"}
	case f.Kind != nil && !f.Kind.Valid():
		return &FilterError{"Kind", "it is none of the constants"}
	case !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since):
		return &FilterError{"Until", "it is before Since"}
	}
	if f.After != "" {
		if _, _, err := ParseCursor(f.After); err != nil {
			return &FilterError{"After", err.Error()}
		}
	}
	return nil
}

// Matches reports whether a record is wanted, wherever it stands: After and Limit do
// not matter.
func (f *Filter) Matches(r *record.Record) bool {
	return f.matchesActor(r) && f.matchesEvent(r) && f.matchesTime(r.Time) && f.matchesMetadata(r)
}

func (f *Filter) matchesActor(r *record.Record) bool {
	return (f.ActorType == audit.ActorNone || f.ActorType == r.Actor.Type) && is(f.ActorID, r.Actor.ID)
}

func (f *Filter) matchesEvent(r *record.Record) bool {
	return is(f.TargetType, r.Target.Type) && is(f.TargetID, r.Target.ID) && is(f.Tenant, r.Tenant) && is(f.Channel, r.Channel) &&
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

// search is a filter that was checked.
type search struct {
	Filter
	after    *place
	patterns [][]byte // texts that the JSON of every match has
}

func newSearch(f Filter) (*search, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	s := &search{Filter: f}
	if f.After != "" {
		at, id, _ := ParseCursor(f.After) // it is valid
		s.after = &place{at, id}
	}
	for _, text := range []string{f.ActorID, f.TargetType, f.TargetID, f.Tenant, f.Channel, f.TraceID} {
		if text != "" && plain(text) {
			s.patterns = append(s.patterns, []byte(`"`+text+`"`))
		}
	}
	for _, kv := range f.Metadata {
		if plain(string(kv.Key)) {
			s.patterns = append(s.patterns, []byte(`"`+string(kv.Key)+`":`))
		}
	}
	return s, nil
}

// plain reports whether JSON shows a text as it is.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// mayMatch looks at a record's JSON, which is quicker than reading it.
func (s *search) mayMatch(json []byte) bool {
	for _, p := range s.patterns {
		if !bytes.Contains(json, p) {
			return false
		}
	}
	return true
}

func hasMetadata(kvs []attribute.KeyValue, want attribute.KeyValue) bool {
	for _, kv := range kvs {
		if kv.Key == want.Key {
			return want.Value.Type() == attribute.EMPTY || kv.Value == want.Value
		}
	}
	return false
}

// is compares with a text that does not matter when it is empty.
func is(want, got string) bool { return want == "" || want == got }

func compareIDs(a, b audit.ID) int { return bytes.Compare(a[:], b[:]) }

// precedes reports whether p comes before q in the order that was asked for.
func (s *search) precedes(p, q place) bool {
	if s.Ascending {
		return p.compare(q) < 0
	}
	return p.compare(q) > 0
}
