package index

import (
	"io"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Clause is a condition that every match of a filter meets: it has one of the terms.
type Clause struct {
	field Field
	keys  []Key
	// matches decides by the text of the field instead, if it is not nil. It serves where
	// an index has all texts.
	matches func(text string) bool
}

// Clauses returns conditions that every match of a filter meets. What they leave open is
// matched after decoding, so a condition may be missing, and must not be too strict.
func Clauses(f *query.Filter, h Hasher) []Clause {
	c := clauses{hasher: h}
	c.texts(ID, textsOf(f.IDs, audit.ID.String))
	c.names(ActorID, textsOf(f.Actors, func(a audit.Actor) string { return a.ID }))
	c.texts(ActorType, textsOf(f.ActorTypes, audit.ActorType.String))
	c.names(OnBehalfOf, textsOf(f.OnBehalfOf, func(a audit.Actor) string { return a.ID }))
	c.texts(Session, f.Sessions)
	c.names(Tenant, f.Tenants)
	c.names(Channel, f.Channels)
	c.actions(f.Actions)
	if !slices.Contains(f.Operations, audit.OperationUnspecified) {
		c.texts(Operation, textsOf(f.Operations, audit.Operation.String))
	}
	c.texts(Outcome, textsOf(f.Outcomes, audit.Outcome.String))
	c.texts(Kind, textsOf(f.Kinds, audit.Kind.String))
	c.names(TargetID, textsOf(f.Targets, func(t audit.Target) string { return t.ID }))
	c.names(TargetType, textsOf(f.Targets, func(t audit.Target) string { return t.Type }))
	c.names(TargetType, f.TargetTypes)
	c.texts(Attempt, textsOf(f.Attempts, audit.ID.String))
	c.texts(Trace, textsOf(f.TraceIDs, trace.TraceID.String))
	c.metadata(f.Metadata)
	return c.all
}

func textsOf[T any](values []T, text func(T) string) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = text(v)
	}
	return texts
}

// clauses collects conditions.
type clauses struct {
	hasher Hasher
	all    []Clause
}

// texts adds the condition that a field has one of the texts, unless there are none, or an
// empty one, which selects what lacks the field.
func (c *clauses) texts(field Field, texts []string) {
	if len(texts) == 0 || slices.Contains(texts, "") {
		return
	}
	clause := Clause{field: field}
	for _, text := range texts {
		if encoded, ok := encodeText(text); ok {
			clause.keys = append(clause.keys, c.hasher.Term(field, encoded))
		}
	}
	c.all = append(c.all, clause)
}

// names is texts for texts that a record may have as they are, escaped, or cut.
func (c *clauses) names(field Field, wants []string) {
	var texts []string
	for _, want := range wants {
		kept, _ := record.CutName(want)
		texts = append(texts, want, record.EscapeName(want), kept)
	}
	c.texts(field, texts)
}

// actions adds the condition that the action matches one of the patterns.
func (c *clauses) actions(patterns []string) {
	if !slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(p, "*") }) {
		c.texts(Action, patterns)
		return
	}
	c.all = append(c.all, Clause{field: Action, matches: func(text string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return policy.Match(p, text) })
	}})
}

// metadata adds a condition for each key: a record has one of the attributes with it.
func (c *clauses) metadata(wants []attribute.KeyValue) {
	for i, want := range wants {
		sameKey := func(kv attribute.KeyValue) bool { return kv.Key == want.Key }
		if slices.ContainsFunc(wants[:i], sameKey) {
			continue
		}
		names := []string{string(want.Key), record.EscapeName(string(want.Key))}
		clause := Clause{field: Metadata}
		for _, kv := range wants[i:] {
			if !sameKey(kv) {
				continue
			}
			if kv.Value.Type() == attribute.EMPTY {
				clause = Clause{}
				break
			}
			clause.keys = append(clause.keys, c.pairs(names, kv.Value)...)
		}
		if clause.field != Metadata { // any value will do
			c.texts(MetadataKey, names)
			continue
		}
		c.all = append(c.all, clause)
	}
}

// pairs returns the keys of an attribute that has one of the names.
func (c *clauses) pairs(names []string, want attribute.Value) (keys []Key) {
	values := []attribute.Value{want}
	if want.Type() == attribute.STRING {
		values = append(values, attribute.StringValue(record.EscapeText(want.AsString())))
	}
	for _, name := range names {
		for i := range values {
			var w canonical.Writer
			value := w.Value(nil, &values[i])
			name, ok := encodeText(name)
			if ok && !w.Failed() && len(value) > 0 {
				keys = append(keys, c.hasher.Pair(Metadata, name, value[:len(value)-1])) // without the comma
			}
		}
	}
	return keys
}

// encodeText returns a text as it is in JSON, without the quotes. ok is false if no record
// can have it.
func encodeText(text string) (encoded []byte, ok bool) {
	var w canonical.Writer
	b := w.String(nil, text, ',')
	if w.Failed() {
		return nil, false
	}
	return b[1 : len(b)-2], true
}

// Matching returns the places of the entries that meet all conditions, or nil if the index
// does not rule out any.
func (f *File) Matching(r io.ReaderAt, conditions []Clause) (*Places, error) {
	var all *Places
	for i := range conditions {
		c := &conditions[i]
		if f.Fields>>c.field&1 == 0 {
			continue
		}
		meeting, err := f.meeting(r, c)
		if err != nil {
			return nil, err
		}
		switch {
		case meeting == nil:
			continue
		case all == nil:
			all = meeting
		default:
			all = all.And(meeting)
		}
		if all.Len() == 0 {
			break
		}
	}
	return all, nil
}

// meeting returns the places of the entries that meet a condition, or nil if that is not
// known.
func (f *File) meeting(r io.ReaderAt, c *Clause) (*Places, error) {
	keys := c.keys
	if c.matches != nil {
		facets, err := f.Facets(r)
		if err != nil {
			return nil, err
		}
		known := false
		for _, facet := range facets {
			if facet.Field != c.field || !facet.Complete {
				continue
			}
			known = true
			for _, v := range facet.Values {
				if c.matches(v.Text) {
					keys = append(keys, NewHasher(f.Ledger).Term(c.field, []byte(v.Text)))
				}
			}
		}
		if !known {
			return nil, nil //nolint:nilnil // not known
		}
	}
	any := NoPlaces()
	for i, key := range keys {
		if i > 0 && key == keys[i-1] {
			continue
		}
		places, err := f.Places(r, key)
		if err != nil {
			return nil, err
		}
		any = any.Or(places, f.Len())
	}
	return any, nil
}
