package canonical

import (
	"encoding/base64"
	"strconv"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// MaxNesting is how many arrays and maps may enclose one another. It exceeds the limit
// of validation, so that a higher limit needs no new format.
const MaxNesting = 64

const tooNested = "its values are nested more than 64 deep"

// Value appends a value and a comma.
func (w *Writer) Value(b []byte, v *attribute.Value) []byte { return w.value(b, v, 0) }

// value appends a value inside depth arrays and maps, and a comma.
func (w *Writer) value(b []byte, v *attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.STRING:
		return w.String(b, v.AsString(), ',')
	case attribute.EMPTY:
		b = append(b, "null"...)
	case attribute.BOOL:
		b = strconv.AppendBool(b, v.AsBool())
	case attribute.INT64:
		b = appendInt(b, v.AsInt64())
	case attribute.FLOAT64:
		b = appendFloat(b, v.AsFloat64())
	case attribute.BYTESLICE:
		b = append(b, `{"`+MarkerBytes+`":"`...)
		b = base64.StdEncoding.AppendEncode(b, v.AsByteSlice())
		b = append(b, `"}`...)
	default:
		if depth == MaxNesting {
			w.Fail(b, tooNested)
			return append(b, "null,"...)
		}
		b = w.compound(b, v, depth)
	}
	return append(b, ',')
}

func (w *Writer) compound(b []byte, v *attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.BOOLSLICE:
		return appendArray(b, v.AsBoolSlice(), EmptyBools, strconv.AppendBool)
	case attribute.INT64SLICE:
		return appendArray(b, v.AsInt64Slice(), EmptyInts, appendInt)
	case attribute.FLOAT64SLICE:
		return appendArray(b, v.AsFloat64Slice(), EmptyFloats, appendFloat)
	case attribute.STRINGSLICE:
		return w.strings(b, v.AsStringSlice())
	case attribute.SLICE:
		return w.slice(b, v.AsSlice(), depth)
	case attribute.MAP:
		return w.mapValue(b, v.AsMap(), depth)
	}
	w.Fail(b, "its value is of an unknown type")
	return b
}

// appendArray appends a typed slice, or the word empty after its marker if it has no
// elements.
func appendArray[T any](b []byte, elements []T, empty string, element func([]byte, T) []byte) []byte {
	if len(elements) == 0 {
		return appendMark(b, MarkerEmpty, empty)
	}
	b = append(b, '[')
	for _, e := range elements {
		b = append(element(b, e), ',')
	}
	b[len(b)-1] = ']'
	return b
}

func (w *Writer) strings(b []byte, elements []string) []byte {
	if len(elements) == 0 {
		return appendMark(b, MarkerEmpty, EmptyStrings)
	}
	b = append(b, '[')
	for _, s := range elements {
		b = w.String(b, s, ',')
	}
	b[len(b)-1] = ']'
	return b
}

func (w *Writer) slice(b []byte, elements []attribute.Value, depth int) []byte {
	if len(elements) == 0 {
		return append(b, "[]"...)
	}
	marked := ReadsAsTyped(elements)
	if marked {
		b = append(b, `{"`+MarkerSlice+`":`...)
	}
	b = append(b, '[')
	for i := range elements {
		b = w.value(b, &elements[i], depth+1)
	}
	b[len(b)-1] = ']'
	if marked {
		b = append(b, '}')
	}
	return b
}

func (w *Writer) mapValue(b []byte, kvs []attribute.KeyValue, depth int) []byte {
	marked := ReadsAsMarker(kvs)
	if marked {
		b = append(b, `{"`+MarkerMap+`":`...)
	}
	b = w.object(b, kvs, depth+1)
	if marked {
		b = append(b, '}')
	}
	return b
}

// value reads a value inside depth arrays and maps.
func (r *Reader) value(depth int) attribute.Value {
	switch r.Peek() {
	case '"':
		return attribute.StringValue(r.String())
	case '{':
		return r.mapValue(depth)
	case '[':
		return values.List(r.elements(depth))
	case 't':
		r.Literal("true")
		return attribute.BoolValue(true)
	case 'f':
		r.Literal("false")
		return attribute.BoolValue(false)
	case 'n':
		r.Literal("null")
		return attribute.Value{}
	}
	return r.number()
}

func (r *Reader) elements(depth int) []attribute.Value {
	r.nest(depth)
	var elements []attribute.Value
	for more := r.Open('[', ']'); more; more = r.Next(']') {
		elements = append(elements, r.value(depth+1))
	}
	return elements
}

// nest fails if the next array or map is inside too many others.
func (r *Reader) nest(depth int) {
	if depth == MaxNesting {
		r.Fail(r.pos, tooNested)
	}
}

// mapValue reads a map or a marker.
func (r *Reader) mapValue(depth int) attribute.Value {
	if key, ok := r.marker(); ok {
		v := r.marked(key, depth)
		r.need('}', "a closing bracket is missing")
		return v
	}
	r.nest(depth)
	return attribute.MapValue(r.object(depth + 1)...)
}
