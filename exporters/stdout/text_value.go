package stdout

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// appendToken appends an ID or a word. It quotes the text unless it is printable ASCII
// without spaces and without the punctuation of the format.
func appendToken(b []byte, s string) []byte {
	return appendUnless(b, s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("\"'`\\()[]{},;", r)
	})
}

// appendTokenBefore is appendToken for a text that is followed by the separator.
func appendTokenBefore(separator string, b []byte, s string) []byte {
	if strings.Contains(s, separator) {
		return strconv.AppendQuote(b, s)
	}
	return appendToken(b, s)
}

// appendName appends a name in parentheses. It quotes the name unless it has only
// letters, digits and the punctuation of names.
func appendName(b []byte, s string) []byte {
	return appendUnless(b, s, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(" .'-_@+", r)
	})
}

// appendProse appends a text that takes the rest of the line.
func appendProse(b []byte, s string) []byte {
	if strings.HasPrefix(s, `"`) {
		return strconv.AppendQuote(b, s)
	}
	return appendUnless(b, s, func(r rune) bool { return !strconv.IsPrint(r) })
}

// appendUnless appends s, quoted if it has a bad character, is not valid UTF-8, is empty,
// or starts or ends with a space.
func appendUnless(b []byte, s string, bad func(rune) bool) []byte {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' || !utf8.ValidString(s) || strings.ContainsFunc(s, bad) {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// appendValue appends a value. It always quotes strings.
func appendValue(b []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.EMPTY:
		return append(b, "(none)"...)
	case attribute.BOOL:
		return strconv.AppendBool(b, v.AsBool())
	case attribute.INT64:
		return strconv.AppendInt(b, v.AsInt64(), 10)
	case attribute.FLOAT64:
		return appendFloat(b, v.AsFloat64())
	case attribute.STRING:
		return strconv.AppendQuote(b, v.AsString())
	case attribute.BOOLSLICE:
		return appendSlice(b, v.AsBoolSlice(), strconv.AppendBool)
	case attribute.INT64SLICE:
		return appendSlice(b, v.AsInt64Slice(), func(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) })
	case attribute.FLOAT64SLICE:
		return appendSlice(b, v.AsFloat64Slice(), appendFloat)
	case attribute.STRINGSLICE:
		return appendSlice(b, v.AsStringSlice(), strconv.AppendQuote)
	case attribute.BYTESLICE:
		return hex.AppendEncode(append(b, "0x"...), v.AsByteSlice())
	case attribute.SLICE:
		return appendSlice(b, v.AsSlice(), appendValue)
	case attribute.MAP:
		return append(appendList(append(b, '{'), v.AsMap(), appendMember), '}')
	default:
		return strconv.AppendQuote(b, v.String())
	}
}

// appendMask appends a redacted value, which is usually a mask.
func appendMask(b []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.EMPTY:
		return append(b, "(removed)"...)
	case attribute.STRING:
		return appendToken(b, v.AsString())
	default:
		return appendValue(b, v)
	}
}

func appendFloat(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'g', -1, 64) }

func appendMember(b []byte, kv attribute.KeyValue) []byte {
	b = append(appendTokenBefore(":", b, string(kv.Key)), ": "...)
	return appendValue(b, kv.Value)
}

func appendSlice[T any](b []byte, elements []T, element func([]byte, T) []byte) []byte {
	return append(appendList(append(b, '['), elements, element), ']')
}

// appendList appends the elements, separated by commas.
func appendList[T any](b []byte, elements []T, element func([]byte, T) []byte) []byte {
	for i, e := range elements {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = element(b, e)
	}
	return b
}
