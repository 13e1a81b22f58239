package propagation

import (
	"cmp"
	"slices"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// converter converts a text, which may have the control characters of the form.
type converter func(text string, form sanitize.Form) string

// convert returns a copy of the payload with f applied to each text that comes from the
// context. It changes nothing that scopes share.
func (p *payload) convert(f converter) *payload {
	c := *p
	c.Actor = p.Actor.Clone()
	for a := &c.Actor; a != nil; a = a.OnBehalfOf {
		a.ID, a.Name, a.AuthMethod = f(a.ID, sanitize.Line), f(a.Name, sanitize.Line), f(a.AuthMethod, sanitize.Line)
		for i, role := range a.Roles {
			a.Roles[i] = f(role, sanitize.Line)
		}
	}
	c.Tenant = f(p.Tenant, sanitize.Line)
	c.Metadata, c.Overridden = convertAttributes(p.Metadata, 0, f), convertAttributes(p.Overridden, 0, f)
	c.Marks = slices.Clone(p.Marks)
	for i := range c.Marks {
		c.Marks[i].Path = f(c.Marks[i].Path, sanitize.Line)
	}
	return &c
}

// convertAttributes converts attributes inside depth slices and maps, and sorts them. Of a
// repeated key it keeps the last value.
func convertAttributes(kvs []attribute.KeyValue, depth int, f converter) []attribute.KeyValue {
	converted := make([]attribute.KeyValue, len(kvs))
	for i, kv := range kvs {
		converted[i] = attribute.KeyValue{Key: attribute.Key(f(string(kv.Key), sanitize.Line)), Value: convertValue(kv.Value, depth, f)}
	}
	slices.SortStableFunc(converted, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	n := 0
	for i, kv := range converted {
		if i > 0 && kv.Key == converted[n-1].Key {
			n--
		}
		converted[n] = kv
		n++
	}
	return converted[:n]
}

// convertValue converts the texts in a value inside depth slices and maps.
func convertValue(v attribute.Value, depth int, f converter) attribute.Value {
	if depth > record.MaxEncodedNesting {
		return v // encode rejects it
	}
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(f(v.AsString(), sanitize.Prose))
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		for i, text := range texts {
			texts[i] = f(text, sanitize.Prose)
		}
		return attribute.StringSliceValue(texts)
	case attribute.SLICE:
		values := v.AsSlice()
		for i := range values {
			values[i] = convertValue(values[i], depth+1, f)
		}
		return attribute.SliceValue(values...)
	case attribute.MAP:
		return attribute.MapValue(convertAttributes(v.AsMap(), depth+1, f)...)
	default:
		return v
	}
}
