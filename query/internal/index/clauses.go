package index

import (
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
	if f.ActorType != audit.ActorNone {
		c.text(ActorType, f.ActorType.String())
	}
	c.name(ActorID, f.ActorID)
	c.name(TargetType, f.TargetType)
	c.name(TargetID, f.TargetID)
	c.name(Tenant, f.Tenant)
	c.name(Channel, f.Channel)
	c.text(Trace, f.TraceID)
	if strings.Contains(f.Action, "*") {
		c.all = append(c.all, Clause{field: Action, matches: func(text string) bool { return policy.Match(f.Action, text) }})
	} else {
		c.text(Action, f.Action)
	}
	if f.Operation != audit.OperationUnspecified {
		c.text(Operation, f.Operation.String())
	}
	if f.Outcome != nil {
		c.text(Outcome, f.Outcome.String())
	}
	if f.Kind != nil {
		c.text(Kind, f.Kind.String())
	}
	for _, kv := range f.Metadata {
		c.metadata(kv)
	}
	return c.all
}

// clauses collects conditions.
type clauses struct {
	hasher Hasher
	all    []Clause
}

// text adds the condition that a field has one of the texts. Empty ones set no condition.
func (c *clauses) text(field Field, texts ...string) {
	clause := Clause{field: field}
	for _, text := range texts {
		if text == "" {
			return
		}
		if encoded, ok := encodeText(text); ok {
			clause.keys = append(clause.keys, c.hasher.Term(field, encoded))
		}
	}
	c.all = append(c.all, clause)
}

// name adds the condition that a field has a text as it is, escaped, or cut.
func (c *clauses) name(field Field, want string) {
	kept, _ := record.CutName(want)
	c.text(field, want, record.EscapeName(want), kept)
}

func (c *clauses) metadata(want attribute.KeyValue) {
	names := []string{string(want.Key), record.EscapeName(string(want.Key))}
	if want.Value.Type() == attribute.EMPTY {
		c.texts(MetadataKey, names)
		return
	}
	values := []attribute.Value{want.Value}
	if want.Value.Type() == attribute.STRING {
		values = append(values, attribute.StringValue(record.EscapeText(want.Value.AsString())))
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

// texts is text, but an empty text is a text.
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
