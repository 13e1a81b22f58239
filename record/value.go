package record

import (
	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// RedactedText replaces a value that must not be recorded. It is "***REDACTED***".
const RedactedText = values.Redacted

// ListValue returns a list of values as one value: a typed slice if all are
// booleans, integers, floating-point numbers or strings, a SLICE otherwise and if
// list is empty. It is for exporters and integrations that learn the types of
// elements only while they read them.
func ListValue(list []attribute.Value) attribute.Value { return values.List(list) }

// UnrepresentableValue returns the placeholder for a value of the named type that
// cannot be recorded. reason says why, and is empty if no value of the type can be
// recorded: "***UNREPRESENTABLE:*shop.Node (cycle)***".
func UnrepresentableValue(typeName, reason string) attribute.Value {
	return values.NewUnrepresentable(typeName, reason)
}

// Unrepresentable reports whether v is a placeholder, as [audit.Diff] and
// [UnrepresentableValue] return it, or a slice that contains one. typeName is the
// type and the reason of the first: "func()", or "*shop.Node (cycle)" if other
// values of the type can be recorded. Unrepresentable cannot distinguish a
// placeholder from a string with the same text.
func Unrepresentable(v attribute.Value) (typeName string, ok bool) {
	return values.Unrepresentable(v)
}
