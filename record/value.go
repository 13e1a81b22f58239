package record

import (
	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// RedactedText replaces a value that must not be recorded. It is "***REDACTED***".
const RedactedText = values.Redacted

// NotLoadedText replaces an old value that the application did not read: see
// [diff.NotLoaded]. It is "***NOT_LOADED***".
const NotLoadedText = values.NotLoaded

// ListValue returns a list of values as one value: a typed slice if all values are
// booleans, integers, floats or strings, otherwise a SLICE. An empty list is a SLICE. It is
// for exporters and integrations that learn the types of the elements only when they read
// them.
func ListValue(list []attribute.Value) attribute.Value { return values.List(list) }

// UnrepresentableValue returns the placeholder for a value of the named type that
// cannot be recorded, for example "***UNREPRESENTABLE:*shop.Node (cycle)***". The reason is
// empty if no value of the type can be recorded.
func UnrepresentableValue(typeName, reason string) attribute.Value {
	return values.NewUnrepresentable(typeName, reason)
}

// Unrepresentable reports whether v is a placeholder of [audit.Diff] or
// [UnrepresentableValue], or a slice that contains one. typeName is the type of the first
// placeholder, with the reason if it has one: "func()" or "*shop.Node (cycle)". A string
// with the text of a placeholder looks like one.
func Unrepresentable(v attribute.Value) (typeName string, ok bool) {
	return values.Unrepresentable(v)
}
