package query

import (
	"bytes"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
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

// search is a filter that was checked.
type search struct {
	Filter
	after    *place
	patterns [][]byte // texts that the JSON of every match has
}

func newSearch(f Filter) (*search, error) {
	s := &search{Filter: f}
	switch {
	case f.Limit < 0:
		return nil, &FilterError{"Limit", "it must not be negative"}
	case !f.ActorType.Valid():
		return nil, &FilterError{"ActorType", "it is none of the constants"}
	case !f.Operation.Valid():
		return nil, &FilterError{"Operation", "it is none of the constants"}
	case f.Outcome != nil && !f.Outcome.Valid():
		return nil, &FilterError{"Outcome", "it is none of the constants"}
	case f.Kind != nil && !f.Kind.Valid():
		return nil, &FilterError{"Kind", "it is none of the constants"}
	case !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since):
		return nil, &FilterError{"Until", "it is before Since"}
	}
	if f.After != "" {
		p, err := parseCursor(f.After)
		if err != nil {
			return nil, &FilterError{"After", err.Error()}
		}
		s.after = &p
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

// matches reports whether the record is wanted, wherever it stands.
func (s *search) matches(r *sdk.Record) bool {
	return s.matchesActor(r) && s.matchesEvent(r) && s.matchesTime(r.Time) && s.matchesMetadata(r)
}

func (s *search) matchesActor(r *sdk.Record) bool {
	return (s.ActorType == audit.ActorNone || s.ActorType == r.Actor.Type) && is(s.ActorID, r.Actor.ID)
}

func (s *search) matchesEvent(r *sdk.Record) bool {
	return is(s.TargetType, r.Target.Type) && is(s.TargetID, r.Target.ID) && is(s.Tenant, r.Tenant) && is(s.Channel, r.Channel) &&
		(s.TraceID == "" || r.TraceID.IsValid() && s.TraceID == r.TraceID.String()) &&
		(s.Action == "" || matchGlob(s.Action, r.Action)) &&
		(s.Operation == audit.OperationUnspecified || s.Operation == r.Operation) &&
		(s.Outcome == nil || *s.Outcome == r.Outcome) &&
		(s.Kind == nil || *s.Kind == r.Kind)
}

func (s *search) matchesTime(t time.Time) bool {
	return (s.Since.IsZero() || !t.Before(s.Since)) && (s.Until.IsZero() || t.Before(s.Until))
}

func (s *search) matchesMetadata(r *sdk.Record) bool {
	for _, want := range s.Metadata {
		if !hasMetadata(r.Metadata, want) {
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

// matchGlob reports whether all of the text matches a pattern, in which * stands for
// any characters.
func matchGlob(pattern, text string) bool {
	first, rest, several := strings.Cut(pattern, "*")
	text, ok := strings.CutPrefix(text, first)
	if !ok || !several {
		return ok && text == ""
	}
	parts := strings.Split(rest, "*")
	for _, part := range parts[:len(parts)-1] {
		_, behind, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = behind
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

func compareIDs(a, b audit.ID) int { return bytes.Compare(a[:], b[:]) }

// precedes reports whether p comes before q in the order that was asked for.
func (s *search) precedes(p, q place) bool {
	if s.Ascending {
		return p.compare(q) < 0
	}
	return p.compare(q) > 0
}
