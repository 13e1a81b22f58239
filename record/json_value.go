package record

import (
	"encoding/base64"
	"strconv"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// maxValueNesting is how many arrays and maps may be nested in one another. It is
// above the validator's limit, so that raising that needs no new format.
const maxValueNesting = 64

const tooNested = "its values are nested more than 64 deep"

// value writes a value that stands inside depth arrays and maps, and a comma.
func (w *jsonWriter) value(b []byte, v *attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.STRING:
		return w.string(b, v.AsString(), ',')
	case attribute.EMPTY:
		b = append(b, "null"...)
	case attribute.BOOL:
		b = strconv.AppendBool(b, v.AsBool())
	case attribute.INT64:
		b = appendInt(b, v.AsInt64())
	case attribute.FLOAT64:
		b = appendNumber(b, v.AsFloat64())
	case attribute.BYTESLICE:
		b = append(b, `{"$b":"`...)
		b = base64.StdEncoding.AppendEncode(b, v.AsByteSlice())
		b = append(b, `"}`...)
	default:
		if depth == maxValueNesting {
			w.fail(b, tooNested)
			return append(b, "null,"...)
		}
		b = w.compound(b, v, depth)
	}
	return append(b, ',')
}

func (w *jsonWriter) compound(b []byte, v *attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.BOOLSLICE:
		return appendArray(b, v.AsBoolSlice(), emptyBools, strconv.AppendBool)
	case attribute.INT64SLICE:
		return appendArray(b, v.AsInt64Slice(), emptyInts, appendInt)
	case attribute.FLOAT64SLICE:
		return appendArray(b, v.AsFloat64Slice(), emptyFloats, appendNumber)
	case attribute.STRINGSLICE:
		return w.strings(b, v.AsStringSlice())
	case attribute.SLICE:
		return w.slice(b, v.AsSlice(), depth)
	case attribute.MAP:
		return w.mapValue(b, v.AsMap(), depth)
	}
	w.fail(b, "its value is of an unknown type")
	return b
}

func appendInt(b []byte, i int64) []byte {
	if isPlainInt(i) {
		return strconv.AppendInt(b, i, 10)
	}
	return appendMark(b, markInt, strconv.FormatInt(i, 10))
}

func appendNumber(b []byte, f float64) []byte {
	if isPlainFloat(f) {
		return appendFloat(b, f)
	}
	var room [32]byte
	return appendMark(b, markFloat, string(appendOddFloat(room[:0], f)))
}

// appendArray appends a typed slice; empty is what it is called in the marker that
// stands for it when it has no elements.
func appendArray[T any](b []byte, elements []T, empty string, element func([]byte, T) []byte) []byte {
	if len(elements) == 0 {
		return appendMark(b, markEmpty, empty)
	}
	b = append(b, '[')
	for _, e := range elements {
		b = append(element(b, e), ',')
	}
	b[len(b)-1] = ']'
	return b
}

func (w *jsonWriter) strings(b []byte, elements []string) []byte {
	if len(elements) == 0 {
		return appendMark(b, markEmpty, emptyStrings)
	}
	b = append(b, '[')
	for _, s := range elements {
		b = w.string(b, s, ',')
	}
	b[len(b)-1] = ']'
	return b
}

func (w *jsonWriter) slice(b []byte, elements []attribute.Value, depth int) []byte {
	if len(elements) == 0 {
		return append(b, "[]"...)
	}
	marked := elementType(elements) != attribute.EMPTY
	if marked {
		b = append(b, `{"$a":`...)
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

// elementType returns the one type of the elements if there are typed slices of
// it, and EMPTY otherwise.
func elementType(elements []attribute.Value) attribute.Type {
	if len(elements) == 0 {
		return attribute.EMPTY
	}
	first := elements[0].Type()
	switch first {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.STRING:
	default:
		return attribute.EMPTY
	}
	for i := range elements {
		if elements[i].Type() != first {
			return attribute.EMPTY
		}
	}
	return first
}

func (w *jsonWriter) mapValue(b []byte, kvs []attribute.KeyValue, depth int) []byte {
	marked := looksMarked(kvs)
	if marked {
		b = append(b, `{"$m":`...)
	}
	b = w.object(b, kvs, depth+1)
	if marked {
		b = append(b, '}')
	}
	return b
}

// value reads a value that stands inside depth arrays and maps.
func (p *jsonReader) value(depth int) attribute.Value {
	switch p.peek() {
	case '"':
		return attribute.StringValue(p.string())
	case '{':
		return p.mapValue(depth)
	case '[':
		return values.List(p.elements(depth))
	case 't':
		p.literal("true")
		return attribute.BoolValue(true)
	case 'f':
		p.literal("false")
		return attribute.BoolValue(false)
	case 'n':
		p.literal("null")
		return attribute.Value{}
	}
	return p.number()
}

func (p *jsonReader) elements(depth int) []attribute.Value {
	p.nest(depth)
	var elements []attribute.Value
	for more := p.open('[', ']'); more; more = p.next(']') {
		elements = append(elements, p.value(depth+1))
	}
	return elements
}

// nest refuses the array or map ahead if it stands inside too many others.
func (p *jsonReader) nest(depth int) {
	if depth == maxValueNesting {
		p.fail(p.pos, tooNested)
	}
}

// mapValue reads a map or a marker.
func (p *jsonReader) mapValue(depth int) attribute.Value {
	if key, ok := p.marker(); ok {
		v := p.marked(key, depth)
		p.need('}', "a closing bracket is missing")
		return v
	}
	p.nest(depth)
	return attribute.MapValue(p.object(depth + 1)...)
}
