package audit

import (
	"reflect"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// What an unrepresentable value is recorded as: a text that no value of its own
// is likely to be.
const (
	unrepresentablePrefix = "***UNREPRESENTABLE:"
	unrepresentableSuffix = "***"
)

// Why a value of a type that can be represented was not, in parentheses after
// the type.
const (
	whyCycle  = "cycle"  // it contains itself
	whyDepth  = "depth"  // it is nested too deep
	whyKeys   = "keys"   // a map has keys without text, or two with the same
	whyTags   = "tags"   // its tags are wrong, and an interface held it
	whyShared = "shared" // it was recorded under another path already
	whyText   = "MarshalText failed"
	whyValue  = "Value failed" // driver.Valuer's, or it gave what is no single value
)

// Unrepresentable reports whether [Diff] made v in place of a value that cannot
// be represented, and of which type: "func()", or "*shop.Node (cycle)" where it
// is not the type that is at fault. It looks into slices, and reports the first.
//
// It is for SDKs, which mark and count such values. A string of the same form is
// not told apart.
func Unrepresentable(v attribute.Value) (typeName string, ok bool) {
	switch v.Type() {
	case attribute.STRING:
		return unrepresentableText(v.AsString())
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			if typeName, ok = unrepresentableText(s); ok {
				return typeName, true
			}
		}
	case attribute.SLICE:
		for _, e := range v.AsSlice() {
			if typeName, ok = Unrepresentable(e); ok {
				return typeName, true
			}
		}
	default:
	}
	return "", false
}

func unrepresentableText(s string) (typeName string, ok bool) {
	s, prefixed := strings.CutPrefix(s, unrepresentablePrefix)
	s, suffixed := strings.CutSuffix(s, unrepresentableSuffix)
	if !prefixed || !suffixed {
		return "", false
	}
	return s, true
}

func unrepresentable(t reflect.Type, why string) attribute.Value {
	name := t.String()
	if why != "" {
		name += " (" + why + ")"
	}
	return attribute.StringValue(unrepresentablePrefix + name + unrepresentableSuffix)
}
