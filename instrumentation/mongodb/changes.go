package auditmongo

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// Limits on the changes of one signal. They are well below the defaults of a provider, so
// that a large document loses values instead of the signal.
const (
	maxChanges     = 200
	maxChangesSize = 32 << 10 // bytes of BSON values and of paths
)

// masked replaces the values of sensitive fields.
var masked = attribute.StringValue(record.RedactedText)

// tooLarge returns the marker for a value that exceeds a limit, in the form that
// record.Unrepresentable recognizes.
func tooLarge(what string) attribute.Value {
	return record.UnrepresentableValue(what, "size")
}

// changes collects the new values in a command.
type changes struct {
	list []audit.Change
	size int
	full bool
}

// addValue adds the value at path, or the parts of it that have a rule. f has the rules
// at path and below, if any; rule is the strictest one above path.
func (c *changes) addValue(path string, f *fieldRules, rule diff.Rule, v bson.RawValue) {
	if f != nil {
		rule = max(rule, f.rule)
	}
	switch {
	case rule == diff.Sensitive:
		c.addMasked(path, v.Type != bson.TypeNull && v.Type != bson.TypeUndefined)
	case rule == 0 && (f == nil || len(f.children) == 0):
	case isMalformed(v):
		if rule == diff.Tracked {
			c.addScalar(path, v) // as malformed
		}
	case v.Type == bson.TypeEmbeddedDocument:
		c.addDocument(path, f, rule, v.Document())
	case v.Type == bson.TypeArray:
		c.addArray(path, f, rule, v.Array())
	case rule == diff.Tracked:
		c.addScalar(path, v)
	}
}

// addDocument adds the members of a document. The path of a whole document is empty.
func (c *changes) addDocument(path string, f *fieldRules, rule diff.Rule, document bson.Raw) {
	members := 0
	forEach(document, func(name string, v bson.RawValue) {
		members++
		child, stricter := f.find(name) // a name with dots is matched as if it were nested
		c.addValue(join(path, name), child, max(rule, stricter), v)
	})
	if members == 0 && rule == diff.Tracked {
		c.append(audit.Change{Field: path, New: attribute.MapValue()}, 0)
	}
}

// addArray adds an array of scalars as one value, and any other array by element.
func (c *changes) addArray(path string, f *fieldRules, rule diff.Rule, array bson.RawArray) {
	elements, err := array.Values()
	if err != nil {
		return // unreachable: the command was validated
	}
	scalars := true
	for _, e := range elements {
		scalars = scalars && e.Type != bson.TypeEmbeddedDocument && e.Type != bson.TypeArray
	}
	if !scalars {
		for i, e := range elements {
			c.addValue(join(path, strconv.Itoa(i)), f, rule, e)
		}
		return
	}
	if rule != diff.Tracked {
		return // rules below the path apply to documents only
	}
	if len(array) > maxChangesSize-c.size {
		c.append(audit.Change{Field: path, New: tooLarge("array")}, 0)
		return
	}
	values := make([]attribute.Value, len(elements))
	for i, e := range elements {
		values[i] = valueOf(e)
	}
	c.append(audit.Change{Field: path, New: record.ListValue(values)}, len(array))
}

func (c *changes) addScalar(path string, v bson.RawValue) {
	if len(v.Value) > maxChangesSize-c.size {
		c.append(audit.Change{Field: path, New: tooLarge(v.Type.String())}, 0)
		return
	}
	c.append(audit.Change{Field: path, New: valueOf(v)}, len(v.Value))
}

func (c *changes) addMasked(path string, hasValue bool) {
	change := audit.Change{Field: path, Redacted: true}
	if hasValue {
		change.New = masked
	}
	c.append(change, 0)
}

// addRemoved adds changes without a new value for path or the rules below it.
func (c *changes) addRemoved(path string, rules *fieldRules) {
	f, rule := rules.find(path)
	if rule != 0 {
		c.append(audit.Change{Field: path, Redacted: rule == diff.Sensitive}, 0)
		return
	}
	f.each(path, func(path string, rule diff.Rule) {
		c.append(audit.Change{Field: path, Redacted: rule == diff.Sensitive}, 0)
	})
}

// append adds a change whose value has size bytes. The first change beyond the limits is
// replaced by a marker for the path "*"; later ones are dropped.
func (c *changes) append(change audit.Change, size int) {
	if c.full {
		return
	}
	if len(c.list) == maxChanges || len(change.Field) > maxChangesSize-c.size-size {
		c.full = true
		c.list = append(c.list, audit.Change{Field: "*", New: tooLarge("document")})
		return
	}
	c.size += size + len(change.Field)
	c.list = append(c.list, change)
}

// join appends a name to a path.
func join(path, name string) string {
	if name == "" {
		name = `""` // make an empty name visible
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// forEach calls visit for each member of a validated document.
func forEach(document bson.Raw, visit func(name string, v bson.RawValue)) {
	elements, err := document.Elements()
	if err != nil {
		return
	}
	for _, e := range elements {
		visit(e.Key(), e.Value())
	}
}
