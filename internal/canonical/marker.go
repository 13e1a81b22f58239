package canonical

import (
	"encoding/base64"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// The markers. An object whose only key is a marker stands for a value that plain JSON
// cannot distinguish from another. Package record exports them and EmptySlice's words.
const (
	MarkerInt   = "$i" // an integer that a double cannot hold
	MarkerFloat = "$f" // a float that would read as an integer, or is no JSON number
	MarkerBytes = "$b" // bytes
	MarkerEmpty = "$e" // a typed slice without elements
	MarkerSlice = "$a" // a slice of values that would read as a typed slice
	MarkerMap   = "$m" // a map that would read as a marker
)

// The words after MarkerEmpty: the type of the elements.
const (
	EmptyBools   = "bool"
	EmptyInts    = "int64"
	EmptyFloats  = "float64"
	EmptyStrings = "string"
)

// EmptySlice returns the typed slice without elements that a word stands for.
func EmptySlice(word string) (v attribute.Value, ok bool) {
	switch word {
	case EmptyBools:
		return attribute.BoolSliceValue(nil), true
	case EmptyInts:
		return attribute.Int64SliceValue(nil), true
	case EmptyFloats:
		return attribute.Float64SliceValue(nil), true
	case EmptyStrings:
		return attribute.StringSliceValue(nil), true
	}
	return attribute.Value{}, false
}

// ReadsAsTyped reports whether the elements of a SLICE, written plainly, would read as
// a typed slice: whether they are all booleans, integers, floats or strings.
func ReadsAsTyped(elements []attribute.Value) bool {
	if len(elements) == 0 {
		return false
	}
	first := elements[0].Type()
	switch first {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.STRING:
	default:
		return false
	}
	for i := range elements {
		if elements[i].Type() != first {
			return false
		}
	}
	return true
}

// ReadsAsMarker reports whether a map, written plainly, would read as a marker.
func ReadsAsMarker(kvs []attribute.KeyValue) bool {
	return len(kvs) == 1 && strings.HasPrefix(string(kvs[0].Key), "$")
}

func appendMark(b []byte, mark, text string) []byte {
	b = append(b, `{"`...)
	b = append(b, mark...)
	b = append(b, `":"`...)
	b = append(b, text...)
	return append(b, `"}`...)
}

// marker looks for an object with one member whose key starts with $. If it is next,
// marker reads up to the value of that member and returns the key.
func (r *Reader) marker() (key string, ok bool) {
	start := r.pos
	if r.Open('{', '}') {
		key = r.key()
		if strings.HasPrefix(key, "$") && !r.Failed() {
			rest := r.text[endOfValue(r.text, r.pos):]
			if rest = strings.TrimLeft(rest, jsonSpace); strings.HasPrefix(rest, "}") {
				return key, true
			}
		}
	}
	r.pos = start
	return "", false
}

// marked reads the value after a marker.
func (r *Reader) marked(mark string, depth int) attribute.Value {
	at := r.pos
	switch mark {
	case MarkerInt:
		if i, ok := parseMarkedInt(r.String()); ok {
			return attribute.Int64Value(i)
		}
		r.Fail(at, "$i holds the digits of an integer beyond 2^53-1")
	case MarkerFloat:
		if f, ok := parseMarkedFloat(r.String()); ok {
			return attribute.Float64Value(f)
		}
		r.Fail(at, "$f holds an integral float below 1e21, -0, NaN, Infinity or -Infinity")
	case MarkerBytes:
		if raw, ok := parseBase64(r.String()); ok {
			return attribute.ByteSliceValue(raw)
		}
		r.Fail(at, "$b holds base64 with padding")
	case MarkerEmpty:
		r.nest(depth)
		if v, ok := EmptySlice(r.String()); ok {
			return v
		}
		r.Fail(at, "$e holds bool, int64, float64 or string")
	case MarkerSlice:
		elements := r.elements(depth)
		if !ReadsAsTyped(elements) {
			r.Fail(at, "$a holds an array that would be read as a typed slice without it")
		}
		return attribute.SliceValue(elements...)
	case MarkerMap:
		r.nest(depth)
		kvs := r.object(depth + 1)
		if !ReadsAsMarker(kvs) {
			r.Fail(at, "$m holds an object with one key, which begins with $")
		}
		return attribute.MapValue(kvs...)
	}
	r.Fail(at, "the marker is unknown")
	return attribute.Value{}
}

func parseBase64(s string) (raw []byte, ok bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	// The decoder skips line breaks.
	return raw, err == nil && base64.StdEncoding.EncodedLen(len(raw)) == len(s)
}
