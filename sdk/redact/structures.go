package redact

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// isFlag reports whether an element of a list says that the next one is a secret:
// --password.
func (d *Redactor) isFlag(text string) bool {
	name := strings.TrimLeft(text, "-")
	return len(name) < len(text) && !strings.ContainsAny(name, "=: ") && d.decide(name).strategy != nil
}

// arePairs reports whether all elements of a list are lists of two, as headers are, so that
// the first may be the name of the second.
func arePairs(values []attribute.Value) bool {
	for i := range values {
		if _, _, ok := asPair(values[i]); !ok {
			return false
		}
	}
	return true
}

// asTexts returns the texts of a list of texts only, or nil.
func asTexts(values []attribute.Value) (texts []string) {
	for i := range values {
		if values[i].Type() != attribute.STRING {
			return nil
		}
		texts = append(texts, values[i].AsString())
	}
	return texts
}

// asPair returns the elements of a list of two, of which the first is a text.
func asPair(v attribute.Value) (name string, value attribute.Value, ok bool) {
	switch v.Type() {
	case attribute.STRINGSLICE:
		if texts := v.AsStringSlice(); len(texts) == 2 {
			return texts[0], attribute.StringValue(texts[1]), true
		}
	case attribute.SLICE:
		if values := v.AsSlice(); len(values) == 2 && values[0].Type() == attribute.STRING {
			return values[0].AsString(), values[1], true
		}
	default:
	}
	return "", attribute.Value{}, false
}

// pair redacts a list of a name and its value.
func (d *Redactor) pair(at *place, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	name, value, _ := asPair(v)
	decision := d.decide(name)
	if decision.strategy == nil || decision.allowed {
		return d.inside(at, v, depth)
	}
	value, changed = d.keyed(at, decision, value, depth)
	if !changed {
		return v, false
	}
	if decision.leaks {
		name, _ = d.clean(name, true)
	}
	return attribute.SliceValue(attribute.StringValue(name), value), true
}

// named returns the strategy for the value in a map that has a name and a value as elements
// of their own, or nil.
func (d *Redactor) named(kvs []attribute.KeyValue) *Strategy {
	for _, kv := range kvs {
		if kv.Value.Type() != attribute.STRING {
			continue
		}
		switch strings.ToLower(string(kv.Key)) {
		case "name", "key", "field", "header", "param", "parameter", "property", "attribute":
			if decision := d.decide(kv.Value.AsString()); !decision.allowed && decision.strategy != nil {
				return decision.strategy
			}
		}
	}
	return nil
}

// isValueKey reports whether a key in a map is that of the value that has a name.
func isValueKey(key string) bool {
	switch strings.ToLower(key) {
	case "value", "values", "val", "content", "data", "old", "new":
		return true
	}
	return false
}

// isShortNumber reports whether a number has too few digits to be a secret.
func isShortNumber(f float64) bool {
	const limit = 1e8 // nine digits: see minNumber
	return -limit < f && f < limit
}

// number redacts a number as its digits would be in a text.
func (d *Redactor) number(v attribute.Value) (attribute.Value, bool) {
	var text string
	if v.Type() == attribute.INT64 {
		text = strconv.FormatInt(v.AsInt64(), 10)
	} else {
		text = strconv.FormatFloat(v.AsFloat64(), 'f', -1, 64)
	}
	if clean, changed := d.clean(text, true); changed {
		return attribute.StringValue(clean), true
	}
	return v, false
}

// numbers redacts a list of numbers.
func (d *Redactor) numbers(v attribute.Value) (attribute.Value, bool) {
	var values []attribute.Value
	if v.Type() == attribute.INT64SLICE {
		for _, n := range v.AsInt64Slice() {
			values = append(values, attribute.Int64Value(n))
		}
	} else {
		for _, f := range v.AsFloat64Slice() {
			values = append(values, attribute.Float64Value(f))
		}
	}
	changed := false
	for i := range values {
		clean, ch := d.number(values[i])
		values[i], changed = clean, changed || ch
	}
	if changed {
		v = attribute.SliceValue(values...)
	}
	return v, changed
}
