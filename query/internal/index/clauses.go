package index

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
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
	c.text(ID, words(f.IDs)...)
	c.text(ActorType, words(f.ActorTypes)...)
	c.names(ActorID, actorIDs(f.Actors))
	if nameless(f.Actors) {
		c.text(ActorType, actorTypes(f.Actors)...)
	}
	c.names(OnBehalfOf, actorIDs(f.OnBehalfOf))
	if f.Delegated {
		c.text(Delegated, "true")
	}
	c.text(Session, f.Sessions...)
	c.names(Tenant, f.Tenants)
	c.names(Channel, f.Channels)
	c.patterns(Action, f.Actions)
	if !slices.Contains(f.Operations, audit.OperationUnspecified) {
		c.text(Operation, words(f.Operations)...)
	}
	c.text(Outcome, words(f.Outcomes)...)
	c.text(Kind, words(f.Kinds)...)
	c.names(TargetID, targetIDs(f.Targets)) // TargetType has no types of covered targets
	c.fields(f.Changed)
	c.text(Attempt, words(f.Attempts)...)
	c.text(Trace, words(f.TraceIDs)...)
	for i, kv := range f.Metadata {
		if !slices.ContainsFunc(f.Metadata[:i], func(other attribute.KeyValue) bool { return other.Key == kv.Key }) {
			c.metadata(kv.Key, f.Metadata)
		}
	}
	return c.all
}

// words returns the texts of constants or IDs.
func words[T interface{ String() string }](values []T) []string {
	var texts []string
	for _, v := range values {
		texts = append(texts, v.String())
	}
	return texts
}

func actorIDs(actors []audit.Actor) []string {
	var ids []string
	for i := range actors {
		ids = append(ids, actors[i].ID)
	}
	return ids
}

// nameless reports whether no actor has an ID, so that each has a type.
func nameless(actors []audit.Actor) bool {
	return !slices.ContainsFunc(actors, func(a audit.Actor) bool { return a.ID != "" })
}

func actorTypes(actors []audit.Actor) []string {
	var types []string
	for i := range actors {
		types = append(types, actors[i].Type.String())
	}
	return types
}

func targetIDs(targets []audit.Target) []string {
	var ids []string
	for _, t := range targets {
		ids = append(ids, t.ID)
	}
	return ids
}

// clauses collects conditions.
type clauses struct {
	hasher Hasher
	all    []Clause
}

// text adds the condition that a field has one of the texts. No text, or an empty one, sets
// no condition.
func (c *clauses) text(field Field, texts ...string) {
	if len(texts) > 0 && !slices.Contains(texts, "") {
		c.texts(field, texts)
	}
}

// names adds the condition that a field has one of the texts as it is, escaped, or cut.
func (c *clauses) names(field Field, wanted []string) {
	var forms []string
	for _, want := range wanted {
		kept, _ := record.CutName(want)
		forms = append(forms, want, record.EscapeName(want), kept)
	}
	c.text(field, forms...)
}

// patterns adds the condition that a faceted field matches one of the patterns.
func (c *clauses) patterns(field Field, patterns []string) {
	isGlob := func(p string) bool { return strings.Contains(p, "*") }
	if !slices.ContainsFunc(patterns, isGlob) {
		c.text(field, patterns...)
		return
	}
	c.all = append(c.all, Clause{field: field, matches: func(text string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return policy.Match(p, text) })
	}})
}

// fields adds the condition that one of the fields was changed, unless there are patterns.
func (c *clauses) fields(names []string) {
	var forms []string
	for _, name := range names {
		if strings.Contains(name, "*") {
			return
		}
		forms = append(forms, name, record.EscapeName(name))
	}
	c.text(Changed, forms...)
}

// metadata adds the condition that a key has one of its wanted values.
func (c *clauses) metadata(key attribute.Key, wanted []attribute.KeyValue) {
	names := []string{string(key), record.EscapeName(string(key))}
	var values []attribute.Value
	for _, want := range wanted {
		switch {
		case want.Key != key:
			continue
		case want.Value.Type() == attribute.EMPTY:
			c.texts(MetadataKey, names)
			return
		case want.Value.Type() == attribute.STRING:
			values = append(values, attribute.StringValue(record.EscapeText(want.Value.AsString())))
		}
		values = append(values, want.Value)
	}
	clause := Clause{field: Metadata}
	for _, name := range names {
		for i := range values {
			var w canonical.Writer
			value := w.Value(nil, &values[i])
			name, ok := encodeText(name)
			if ok && !w.Failed() && len(value) > 0 {
				clause.keys = append(clause.keys, c.hasher.Pair(Metadata, name, value[:len(value)-1])) // without the comma
			}
		}
	}
	c.all = append(c.all, clause)
}

// texts adds the condition that a field has one of the texts, of which one may be empty.
func (c *clauses) texts(field Field, texts []string) {
	clause := Clause{field: field}
	for _, text := range texts {
		if encoded, ok := encodeText(text); ok {
			clause.keys = append(clause.keys, c.hasher.Term(field, encoded))
		}
	}
	c.all = append(c.all, clause)
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
