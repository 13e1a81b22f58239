package policy

import (
	"slices"
	"strings"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
)

// isBlank reports whether nothing can be seen in a text: it is empty, or has only spaces,
// control and format characters, marks without a letter, and letters that are drawn as
// nothing.
func isBlank(text string) bool { return !strings.ContainsFunc(text, isVisible) }

func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !slices.Contains(blankLetters, r) && r != unicode.ReplacementChar
}

// blankLetters are the letters and symbols that are drawn as nothing: Hangul fillers and the
// empty Braille pattern.
var blankLetters = []rune{'\u115f', '\u1160', '\u3164', '\uffa0', '\u2800'}

// isBlankValue reports whether a value of metadata says nothing.
func isBlankValue(v attribute.Value) bool {
	switch v.Type() {
	case attribute.EMPTY:
		return true
	case attribute.STRING:
		return isBlank(v.AsString())
	case attribute.STRINGSLICE:
		return !slices.ContainsFunc(v.AsStringSlice(), func(text string) bool { return !isBlank(text) })
	case attribute.SLICE:
		return !slices.ContainsFunc(v.AsSlice(), func(v attribute.Value) bool { return !isBlankValue(v) })
	case attribute.BYTESLICE:
		return len(v.AsByteSlice()) == 0
	case attribute.BOOLSLICE:
		return len(v.AsBoolSlice()) == 0
	case attribute.INT64SLICE:
		return len(v.AsInt64Slice()) == 0
	case attribute.FLOAT64SLICE:
		return len(v.AsFloat64Slice()) == 0
	case attribute.MAP:
		return !slices.ContainsFunc(v.AsMap(), func(kv attribute.KeyValue) bool { return !isBlankValue(kv.Value) })
	default:
		return false
	}
}
