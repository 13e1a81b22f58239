package diff

import (
	"bytes"
	"cmp"
	"reflect"
	"time"

	"github.com/opendeed/audit/internal/values"
)

// maxEqualDepth limits the recursion of a comparer.
const maxEqualDepth = 10_000

// comparer compares two values as they would be recorded: by their method Equal if they
// have one, else by kind, instant or text, and structs by their tagged fields if they have
// any, by all their fields otherwise. It has the pairs it has visited, so that it ends on
// cycles.
type comparer struct {
	precision time.Duration
	steps     *int // of all comparers of a diff
	visited   map[[2]ref]struct{}
}

// equal reports whether a and b are equal. Beyond its limits they are taken to differ.
func (c *comparer) equal(a, b reflect.Value, depth int) bool {
	if *c.steps++; depth > maxEqualDepth || *c.steps > maxCompared {
		return false
	}
	depth++
	switch ka, kb := a.Kind(), b.Kind(); {
	case ka == reflect.Interface:
		return c.equal(a.Elem(), b, depth)
	case kb == reflect.Interface:
		return c.equal(a, b.Elem(), depth)
	case ka == reflect.Pointer && kb == reflect.Pointer:
		return c.visit(a, b) || c.equal(a.Elem(), b.Elem(), depth)
	case ka == reflect.Pointer:
		return c.equal(a.Elem(), b, depth)
	case kb == reflect.Pointer:
		return c.equal(a, b.Elem(), depth)
	case ka == reflect.Invalid || kb == reflect.Invalid:
		return ka == kb
	case a.Type() != b.Type():
		return equalRecorded(a, b)
	}

	// The methods of values in unexported fields cannot be called.
	if a.CanInterface() && b.CanInterface() {
		return c.equalShape(a, b, depth)
	}
	return c.equalKind(a, b, depth)
}

// equalShape compares two values of one type as they would be recorded.
func (c *comparer) equalShape(a, b reflect.Value, depth int) bool {
	shape := values.ShapeOf(a.Type())
	if shape == values.ShapeTime {
		return c.equalTimes(values.Time(a), values.Time(b))
	}
	if equal, ok := equalByMethod(a, b); ok {
		return equal
	}
	switch shape {
	case values.ShapeText:
		x, okX := values.Text(a)
		y, okY := values.Text(b)
		if okX || okY {
			return okX && okY && x == y
		}
	case values.ShapeValuer:
		x, okX := values.Unwrap(a)
		y, okY := values.Unwrap(b)
		if okX || okY {
			return okX && okY && c.equal(x, y, depth)
		}
	case values.ShapeStruct:
		if plan := tagPlanner.plan(a.Type(), selection{level: levelTags}); len(plan.fields) > 0 {
			return c.equalFields(a, b, plan, depth)
		}
	case values.ShapeList:
		if x, y, ok := keyedMembers(a, b); ok {
			return c.equalMembers(x, y, depth)
		}
	default:
	}
	return c.equalKind(a, b, depth)
}

// equalTimes reports whether two instants differ by less than the precision.
func (c *comparer) equalTimes(a, b time.Time) bool {
	return a.Equal(b) || a.Sub(b).Abs() < c.precision
}

// equalByMethod compares two values of one type by its method Equal. It reports false if
// the type has no such method, or the method cannot be called.
func equalByMethod(a, b reflect.Value) (equal, ok bool) {
	if a.Type() != b.Type() || !a.CanInterface() || !b.CanInterface() {
		return false, false
	}
	return values.EqualByMethod(a, b)
}

// equalKind compares two values of one type by their parts.
func (c *comparer) equalKind(a, b reflect.Value, depth int) bool {
	switch a.Kind() {
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return a.Uint() == b.Uint()
	case reflect.Float32, reflect.Float64:
		return values.EqualFloats(a.Float(), b.Float())
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return values.EqualFloats(real(x), real(y)) && values.EqualFloats(imag(x), imag(y))
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
		if a.Len() != b.Len() {
			return false
		}
		if a.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Equal(a.Bytes(), b.Bytes())
		}
		return c.visit(a, b) || c.equalElements(a, b, depth)
	case reflect.Array:
		return c.equalElements(a, b, depth)
	case reflect.Map:
		return a.Len() == b.Len() && (c.visit(a, b) || c.equalMaps(a, b, depth))
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

func (c *comparer) equalFields(a, b reflect.Value, plan *structPlan, depth int) bool {
	outer := c.precision
	defer func() { c.precision = outer }()
	for i := range plan.fields {
		f := &plan.fields[i]
		c.precision = cmp.Or(f.selected.precision, outer)
		if !c.equal(f.valueIn(a), f.valueIn(b), depth) {
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

// visit reports whether a and b, both pointers, maps or slices, need no comparison:
// they have one referent, or were visited before, so that the comparison under way
// decides. It marks them as visited.
func (c *comparer) visit(a, b reflect.Value) (done bool) {
	x, y := refOf(a), refOf(b)
	if x == y {
		return true
	}
	if elem := a.Type().Elem(); elem.Kind() == reflect.String || elem.Kind() <= reflect.Complex128 {
		return false // it has no references, so it cannot be part of a cycle
	}
	pair := [2]ref{x, y}
	if _, found := c.visited[pair]; found {
		return true
	}
	if c.visited == nil {
		c.visited = make(map[[2]ref]struct{})
	}
	c.visited[pair] = struct{}{}
	return false
}

// equalRecorded reports whether two values of different types are recorded as the
// same single value.
func equalRecorded(a, b reflect.Value) bool {
	if !a.CanInterface() || !b.CanInterface() || !values.IsSingle(a) || !values.IsSingle(b) {
		return false
	}
	x := values.Of(a)
	_, unrepresentable := values.Unrepresentable(x)
	return !unrepresentable && values.Equal(x, values.Of(b))
}
