package values

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
)

// Equal reports whether a and b have the same type and value. NaN equals NaN, and
// 0 equals -0.
func Equal(a, b attribute.Value) bool {
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case attribute.FLOAT64:
		return EqualFloats(a.AsFloat64(), b.AsFloat64())
	case attribute.FLOAT64SLICE:
		return equalLists(a.AsFloat64Slice(), b.AsFloat64Slice(), EqualFloats)
	case attribute.SLICE:
		return equalLists(a.AsSlice(), b.AsSlice(), Equal)
	default:
		return a == b
	}
}

func equalLists[T any](a, b []T, equal func(T, T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// EqualFloats reports whether a and b are equal. NaN equals NaN.
func EqualFloats(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
