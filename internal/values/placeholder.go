package values

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// Redacted replaces a value that must not be recorded.
const Redacted = "***REDACTED***"

// NotLoaded replaces an old value that the application did not read.
const NotLoaded = "***NOT_LOADED***"

// The text that replaces a value that cannot be represented, which no value is
// likely to equal.
const (
	unrepresentablePrefix = "***UNREPRESENTABLE:"
	unrepresentableSuffix = "***"
)

// NewUnrepresentable returns the placeholder for a value of the named type.
// reason says why it cannot be represented, and is empty if no value of the type
// can be.
func NewUnrepresentable(typeName, reason string) attribute.Value {
	if reason != "" {
		typeName += " (" + reason + ")"
	}
	return attribute.StringValue(unrepresentablePrefix + typeName + unrepresentableSuffix)
}

// Unrepresentable reports whether v is a placeholder that [NewUnrepresentable]
// returned, or a slice that contains one, and returns the type and the reason of
// the first: "func()" or "*shop.Node (cycle)". It cannot distinguish a
// placeholder from a string with the same text.
func Unrepresentable(v attribute.Value) (typeName string, ok bool) {
	switch v.Type() {
	case attribute.STRING:
		return cutPlaceholder(v.AsString())
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			if typeName, ok = cutPlaceholder(s); ok {
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

func cutPlaceholder(s string) (typeName string, ok bool) {
	s, hasPrefix := strings.CutPrefix(s, unrepresentablePrefix)
	s, hasSuffix := strings.CutSuffix(s, unrepresentableSuffix)
	if !hasPrefix || !hasSuffix {
		return "", false
	}
	return s, true
}
