package auditmongo

import (
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// What the changes of a signal may have at most, well below what a provider takes by
// default, so that a large document loses values and not the signal.
const (
	maxChanges     = 200
	maxChangesSize = 32 << 10 // bytes of BSON values and of paths
)

// masked stands for the values of sensitive fields.
var masked = attribute.StringValue(record.RedactedText)

// tooLarge returns the placeholder for a value that does not fit.
func tooLarge(what string) attribute.Value {
	return record.UnrepresentableValue(what, "size")
}

// changes are the new values that a command has.
type changes struct {
	list []audit.Change
	size int
	full bool
}

// write adds the value at the path, or those below it that a rule asks for. rule is
// the strictest one above.
func (c *changes) write(path string, f *field, rule audit.FieldRule, v bson.RawValue) {
	if f != nil {
		rule = max(rule, f.rule)
	}
	switch {
	case rule == audit.FieldSensitive:
		c.mask(path, v.Type != bson.TypeNull && v.Type != bson.TypeUndefined)
	case rule == 0 && (f == nil || len(f.below) == 0):
	case v.Type == bson.TypeEmbeddedDocument:
		c.document(path, f, rule, v.Document())
	case v.Type == bson.TypeArray:
		c.array(path, f, rule, v.Array())
	case rule == audit.FieldTracked:
		c.add(path, v)
	}
}

// document adds what is in a document. An empty path is that of the whole document.
func (c *changes) document(path string, f *field, rule audit.FieldRule, document bson.Raw) {
	members := 0
	forEach(document, func(name string, v bson.RawValue) {
		members++
		below, stricter := f.find(name) // a name may have dots, as if it were nested
		c.write(join(path, name), below, max(rule, stricter), v)
	})
	if members == 0 && rule == audit.FieldTracked {
		c.put(audit.Change{Field: path, New: attribute.MapValue()}, 0)
	}
}

// array adds a list of single values as one, and others by element.
func (c *changes) array(path string, f *field, rule audit.FieldRule, array bson.RawArray) {
	elements, err := array.Values()
	if err != nil {
		return // the command was validated
	}
	single := true
	for _, e := range elements {
		single = single && e.Type != bson.TypeEmbeddedDocument && e.Type != bson.TypeArray
	}
	if !single {
		for i, e := range elements {
			c.write(join(path, strconv.Itoa(i)), f, rule, e)
		}
		return
	}
	if rule != audit.FieldTracked {
		return // the rules below are for documents
	}
	if len(array) > maxChangesSize-c.size {
		c.put(audit.Change{Field: path, New: tooLarge("array")}, 0)
		return
	}
	values := make([]attribute.Value, len(elements))
	for i, e := range elements {
		values[i] = valueOf(e)
	}
	c.put(audit.Change{Field: path, New: record.ListValue(values)}, len(array))
}

// add adds a single value.
func (c *changes) add(path string, v bson.RawValue) {
	if len(v.Value) > maxChangesSize-c.size {
		c.put(audit.Change{Field: path, New: tooLarge(v.Type.String())}, 0)
		return
	}
	c.put(audit.Change{Field: path, New: valueOf(v)}, len(v.Value))
}

func (c *changes) mask(path string, there bool) {
	change := audit.Change{Field: path, Redacted: true}
	if there {
		change.New = masked
	}
	c.put(change, 0)
}

// remove adds that there is nothing at the path any more.
func (c *changes) remove(path string, fields *field) {
	f, rule := fields.find(path)
	if rule != 0 {
		c.put(audit.Change{Field: path, Redacted: rule == audit.FieldSensitive}, 0)
		return
	}
	f.each(path, func(path string, rule audit.FieldRule) {
		c.put(audit.Change{Field: path, Redacted: rule == audit.FieldSensitive}, 0)
	})
}

// put adds a change whose value has that many bytes, if there is room; the first one
// for which there is none leaves a word that not all are here.
func (c *changes) put(change audit.Change, size int) {
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

// join returns the path of a name below another path.
func join(path, name string) string {
	if name == "" {
		name = `""` // an empty name would read as none
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// forEach calls visit for every member of a document that was validated.
func forEach(document bson.Raw, visit func(name string, v bson.RawValue)) {
	elements, err := document.Elements()
	if err != nil {
		return
	}
	for _, e := range elements {
		visit(e.Key(), e.Value())
	}
}
