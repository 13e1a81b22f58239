package erasure

import (
	"slices"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// ShownText stands for an erasable value where people read a record. It is "***ERASABLE***".
const ShownText = "***ERASABLE***"

// Shown returns a record for people: with ShownText instead of each erasable value, whose digits
// nobody can read. It returns r itself if it has none, and never changes it.
func Shown(r *record.Record) *record.Record {
	for range Values(r) {
		return shown(r)
	}
	return r
}

func shown(r *record.Record) *record.Record {
	c := r.Clone() // with actors of its own
	for a := &c.Actor; a != nil; a = a.OnBehalfOf {
		a.Name = shownText(a.Name)
	}
	c.Target.Name, c.Reason, c.Failure = shownText(c.Target.Name), shownText(c.Reason), shownText(c.Failure)
	for i := range c.Covers {
		c.Covers[i].Name = shownText(c.Covers[i].Name)
	}
	for i := range c.Changes {
		c.Changes[i].Old, c.Changes[i].New = shownValue(c.Changes[i].Old), shownValue(c.Changes[i].New)
	}
	c.Metadata, c.Overridden = shownAttributes(c.Metadata), shownAttributes(c.Overridden)
	return c
}

func shownText(text string) string {
	if record.IsErasable(text) {
		return ShownText
	}
	return text
}

func shownValue(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(shownText(v.AsString()))
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		for i := range texts {
			texts[i] = shownText(texts[i])
		}
		return attribute.StringSliceValue(texts)
	case attribute.SLICE:
		list := v.AsSlice()
		for i := range list {
			list[i] = shownValue(list[i])
		}
		return attribute.SliceValue(list...)
	case attribute.MAP:
		return attribute.MapValue(shownAttributes(v.AsMap())...)
	default:
		return v
	}
}

func shownAttributes(kvs []attribute.KeyValue) []attribute.KeyValue {
	kvs = slices.Clone(kvs)
	for i := range kvs {
		kvs[i].Value = shownValue(kvs[i].Value)
	}
	return kvs
}
