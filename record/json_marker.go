package record

import (
	"encoding/base64"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// The markers. An object whose only key is one of them is not a map: it stands for
// a value that plain JSON cannot tell from another.
const (
	markInt   = "$i" // an integer that doubles cannot hold
	markFloat = "$f" // a float that looks like an integer, or is no number in JSON
	markBytes = "$b" // bytes
	markEmpty = "$e" // a typed slice without elements
	markSlice = "$a" // a slice of values that looks like a typed slice
	markMap   = "$m" // a map that looks like a marker
)

// What an empty typed slice is called in its marker.
const (
	emptyBools   = "bool"
	emptyInts    = "int64"
	emptyFloats  = "float64"
	emptyStrings = "string"
)

func appendMark(b []byte, mark, text string) []byte {
	b = append(b, `{"`...)
	b = append(b, mark...)
	b = append(b, `":"`...)
	b = append(b, text...)
	return append(b, `"}`...)
}

// looksMarked reports whether a map, written plainly, would be a marker.
func looksMarked(kvs []attribute.KeyValue) bool {
	return len(kvs) == 1 && strings.HasPrefix(string(kvs[0].Key), "$")
}

// marker looks whether the object ahead has one member and a key that begins with
// $. Then it reads as far as the value of that member and returns the key.
func (p *jsonReader) marker() (key string, ok bool) {
	start := p.pos
	if p.open('{', '}') {
		key = p.key()
		if strings.HasPrefix(key, "$") && p.reason == "" {
			rest := p.text[endOfValue(p.text, p.pos):]
			if rest = strings.TrimLeft(rest, jsonSpace); strings.HasPrefix(rest, "}") {
				return key, true
			}
		}
	}
	p.pos = start
	return "", false
}

// marked reads the value that a marker stands for.
func (p *jsonReader) marked(mark string, depth int) attribute.Value {
	at := p.pos
	switch mark {
	case markInt:
		if i, ok := parseOddInt(p.string()); ok {
			return attribute.Int64Value(i)
		}
		p.fail(at, "$i holds the digits of an integer beyond 2^53-1")
	case markFloat:
		if f, ok := parseOddFloat(p.string()); ok {
			return attribute.Float64Value(f)
		}
		p.fail(at, "$f holds an integral float below 1e21, -0, NaN, Infinity or -Infinity")
	case markBytes:
		if raw, ok := parseBase64(p.string()); ok {
			return attribute.ByteSliceValue(raw)
		}
		p.fail(at, "$b holds base64 with padding")
	case markEmpty:
		p.nest(depth)
		switch p.string() {
		case emptyBools:
			return attribute.BoolSliceValue(nil)
		case emptyInts:
			return attribute.Int64SliceValue(nil)
		case emptyFloats:
			return attribute.Float64SliceValue(nil)
		case emptyStrings:
			return attribute.StringSliceValue(nil)
		}
		p.fail(at, "$e holds bool, int64, float64 or string")
	case markSlice:
		elements := p.elements(depth)
		if elementType(elements) == attribute.EMPTY {
			p.fail(at, "$a holds an array that would be read as a typed slice without it")
		}
		return attribute.SliceValue(elements...)
	case markMap:
		p.nest(depth)
		kvs := p.object(depth + 1)
		if !looksMarked(kvs) {
			p.fail(at, "$m holds an object with one key, which begins with $")
		}
		return attribute.MapValue(kvs...)
	}
	p.fail(at, "the marker is unknown")
	return attribute.Value{}
}

func parseBase64(s string) (raw []byte, ok bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	// The decoder skips line breaks.
	return raw, err == nil && base64.StdEncoding.EncodedLen(len(raw)) == len(s)
}
