package audit

import (
	"bytes"
	"math"
	"reflect"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// maxEqualDepth bounds the recursion of equal. What is nested deeper is taken to
// be different.
const maxEqualDepth = 10_000

// equal reports whether a and b are the same, as far as they would be recorded:
// by kind, instant or text, and by their tags where structs have some. Structs
// without tags are compared by all their fields.
func equal(a, b reflect.Value) bool {
	var c comparer
	return c.equal(a, b, 0)
}

// comparer remembers which pairs it has met, so that it ends on cycles.
type comparer struct {
	met map[[2]ref]struct{}
}

func (c *comparer) equal(a, b reflect.Value, depth int) bool {
	if depth > maxEqualDepth {
		return false
	}
	depth++
	switch ka, kb := a.Kind(), b.Kind(); {
	case ka == reflect.Interface:
		return c.equal(a.Elem(), b, depth)
	case kb == reflect.Interface:
		return c.equal(a, b.Elem(), depth)
	case ka == reflect.Pointer && kb == reflect.Pointer:
		return c.again(a, b) || c.equal(a.Elem(), b.Elem(), depth)
	case ka == reflect.Pointer:
		return c.equal(a.Elem(), b, depth)
	case kb == reflect.Pointer:
		return c.equal(a, b.Elem(), depth)
	case ka == reflect.Invalid || kb == reflect.Invalid:
		return ka == kb
	case a.Type() != b.Type():
		return sameRecorded(a, b)
	}

	// Methods of what unexported fields hold cannot be called.
	if a.CanInterface() && b.CanInterface() {
		return c.equalShape(a, b, depth)
	}
	return c.equalKind(a, b, depth)
}

// equalShape compares two values of one type as they would be recorded.
func (c *comparer) equalShape(a, b reflect.Value, depth int) bool {
	switch shapeOf(a.Type()) {
	case shapeTime:
		return timeOf(a).Equal(timeOf(b))
	case shapeText:
		x, okX := textOf(a)
		y, okY := textOf(b)
		if okX || okY {
			return okX && okY && x == y
		}
	case shapeValuer:
		x, okX := unwrap(a)
		y, okY := unwrap(b)
		if okX || okY {
			return okX && okY && c.equal(x, y, depth)
		}
	case shapeStruct:
		if made := tagPlans.plan(a.Type(), optIn{level: optTags}); len(made.fields) > 0 {
			return c.equalTagged(a, b, made, depth)
		}
	case shapeList:
		if x, y, ok := membersByKey(a, b); ok {
			return c.equalMembers(x, y, depth)
		}
	default:
	}
	return c.equalKind(a, b, depth)
}

// equalKind compares two values of one type by what they are made of.
func (c *comparer) equalKind(a, b reflect.Value, depth int) bool {
	switch a.Kind() {
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return a.Uint() == b.Uint()
	case reflect.Float32, reflect.Float64:
		return sameFloat(a.Float(), b.Float())
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return sameFloat(real(x), real(y)) && sameFloat(imag(x), imag(y))
	case reflect.String:
		return a.String() == b.String()
	case reflect.Struct:
		for i := range a.NumField() {
			if !c.equal(a.Field(i), b.Field(i), depth) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		if a.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Equal(a.Bytes(), b.Bytes())
		}
		return c.again(a, b) || c.equalElements(a, b, depth)
	case reflect.Array:
		return c.equalElements(a, b, depth)
	case reflect.Map:
		return a.Len() == b.Len() && (c.again(a, b) || c.equalMaps(a, b, depth))
	default: // Func, Chan, UnsafePointer
		return a.Pointer() == b.Pointer()
	}
}

func (c *comparer) equalElements(a, b reflect.Value, depth int) bool {
	for i := range a.Len() {
		if !c.equal(a.Index(i), b.Index(i), depth) {
			return false
		}
	}
	return true
}

func (c *comparer) equalMaps(a, b reflect.Value, depth int) bool {
	for entries := a.MapRange(); entries.Next(); {
		other := b.MapIndex(entries.Key())
		if !other.IsValid() || !c.equal(entries.Value(), other, depth) {
			return false
		}
	}
	return true
}

func (c *comparer) equalTagged(a, b reflect.Value, by *plan, depth int) bool {
	for i := range by.fields {
		f := &by.fields[i]
		if !c.equal(f.of(a), f.of(b), depth) {
			return false
		}
	}
	return true
}

func (c *comparer) equalMembers(a, b []member, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].name != b[i].name || !c.equal(a[i].value, b[i].value, depth) {
			return false
		}
	}
	return true
}

// again reports whether a and b, both pointers, maps or slices, are the same one
// or were met before, in which case the comparison under way decides.
func (c *comparer) again(a, b reflect.Value) bool {
	x, y := refOf(a), refOf(b)
	if x == y {
		return true
	}
	if elem := a.Type().Elem(); elem.Kind() == reflect.String || elem.Kind() <= reflect.Complex128 {
		return false // it leads nowhere
	}
	pair := [2]ref{x, y}
	if _, ok := c.met[pair]; ok {
		return true
	}
	if c.met == nil {
		c.met = make(map[[2]ref]struct{})
	}
	c.met[pair] = struct{}{}
	return false
}

// sameRecorded reports whether two values of different types are recorded as
// the same single value.
func sameRecorded(a, b reflect.Value) bool {
	if !a.CanInterface() || !b.CanInterface() || !isSingle(a) || !isSingle(b) {
		return false
	}
	x := valueOf(a)
	_, unrepresentable := values.Unrepresentable(x)
	return !unrepresentable && sameValue(x, valueOf(b))
}

// isSingle reports whether v, which is neither pointer nor interface, is recorded
// as one value.
func isSingle(v reflect.Value) bool {
	s := shapeOf(v.Type())
	return s.scalar() || s == shapeValuer || s == shapeListOfAny && !nested(v)
}

func sameValue(a, b attribute.Value) bool {
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case attribute.FLOAT64:
		return sameFloat(a.AsFloat64(), b.AsFloat64())
	case attribute.FLOAT64SLICE:
		return sameList(a.AsFloat64Slice(), b.AsFloat64Slice(), sameFloat)
	case attribute.SLICE:
		return sameList(a.AsSlice(), b.AsSlice(), sameValue)
	default:
		return a == b
	}
}

func sameList[T any](a, b []T, same func(T, T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(a[i], b[i]) {
			return false
		}
	}
	return true
}

// sameFloat is == but for NaN, which is the same as NaN.
func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
