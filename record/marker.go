package record

import (
	"github.com/opendeed/audit/internal/canonical"
	"go.opentelemetry.io/otel/attribute"
)

// The markers of values that plain JSON cannot distinguish from others: an object
// whose only key is a marker stands for a value. Formats that lack a type use the same
// markers. docs/record-format.md describes them.
const (
	// MarkInt marks the digits of an integer that a double cannot hold.
	MarkInt = canonical.MarkInt
	// MarkFloat marks a float that would read as an integer or is no JSON number.
	MarkFloat = canonical.MarkFloat
	// MarkBytes marks bytes in base64.
	MarkBytes = canonical.MarkBytes
	// MarkEmpty marks a typed slice without elements, by one of the words below.
	MarkEmpty = canonical.MarkEmpty
	// MarkSlice marks a SLICE whose elements would read as a typed slice.
	MarkSlice = canonical.MarkSlice
	// MarkMap marks a map that would read as a marker.
	MarkMap = canonical.MarkMap
)

// The words after MarkEmpty, by the type of the elements.
const (
	EmptyBools   = canonical.EmptyBools
	EmptyInts    = canonical.EmptyInts
	EmptyFloats  = canonical.EmptyFloats
	EmptyStrings = canonical.EmptyStrings
)

// EmptySlice returns the typed slice without elements that a word after MarkEmpty
// stands for. ok is false for any other word.
func EmptySlice(word string) (v attribute.Value, ok bool) { return canonical.EmptySlice(word) }

// ReadsAsTyped reports whether the elements of a SLICE need MarkSlice: without it they
// would read as a typed slice, because all are booleans, integers, floats or strings.
func ReadsAsTyped(elements []attribute.Value) bool { return canonical.ReadsAsTyped(elements) }

// ReadsAsMarker reports whether a map needs MarkMap: without it the map would read as
// a marker, because its only key starts with $.
func ReadsAsMarker(kvs []attribute.KeyValue) bool { return canonical.ReadsAsMarker(kvs) }
