package record

import (
	"github.com/opendeed/audit/internal/canonical"
	"go.opentelemetry.io/otel/attribute"
)

// The markers of values that plain JSON cannot distinguish from others. An object whose
// only key is a marker represents such a value. docs/record-format.md describes them.
// Exporters to formats that cannot distinguish such values either, such as OTLP, use the
// same markers.
const (
	// MarkerInt marks the digits of an integer that a double cannot hold.
	MarkerInt = canonical.MarkerInt
	// MarkerFloat marks a float that would be read as an integer or is not a JSON number.
	MarkerFloat = canonical.MarkerFloat
	// MarkerBytes marks bytes in Base64.
	MarkerBytes = canonical.MarkerBytes
	// MarkerEmpty marks a typed slice without elements. Its value is one of the words below.
	MarkerEmpty = canonical.MarkerEmpty
	// MarkerSlice marks a SLICE that would be read as a typed slice.
	MarkerSlice = canonical.MarkerSlice
	// MarkerMap marks a map that would be read as a marker.
	MarkerMap = canonical.MarkerMap
)

// The values of MarkerEmpty, which name the type of the elements.
const (
	EmptyBools   = canonical.EmptyBools
	EmptyInts    = canonical.EmptyInts
	EmptyFloats  = canonical.EmptyFloats
	EmptyStrings = canonical.EmptyStrings
)

// EmptySlice returns the typed slice without elements for a value of MarkerEmpty. ok is false
// for any other word.
func EmptySlice(word string) (v attribute.Value, ok bool) { return canonical.EmptySlice(word) }

// ReadsAsTyped reports whether a SLICE with the elements needs MarkerSlice, because it would
// be read as a typed slice: all elements are booleans, integers, floats or strings.
func ReadsAsTyped(elements []attribute.Value) bool { return canonical.ReadsAsTyped(elements) }

// ReadsAsMarker reports whether a map needs MarkerMap, because it would be read as a marker:
// its only key starts with $.
func ReadsAsMarker(kvs []attribute.KeyValue) bool { return canonical.ReadsAsMarker(kvs) }
