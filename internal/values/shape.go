package values

import (
	"database/sql/driver"
	"encoding"
	"reflect"
	"sync"
	"time"
)

// Shape is how the values of a type are recorded.
type Shape uint8

// The shapes. Those up to ShapeScalars are single values.
const (
	ShapeOpaque Shape = iota // cannot be represented
	ShapeBool
	ShapeInt
	ShapeUint
	ShapeFloat
	ShapeString
	ShapeDuration
	ShapeTime
	ShapeText        // an encoding.TextMarshaler
	ShapeEmptyStruct // struct{}
	ShapeBytes       // a slice or array of bytes
	ShapeScalars     // a slice or array of the shapes above, or of ShapeValuer
	ShapeValuer      // a driver.Valuer: the shape of its value

	ShapeInterface // the shape of the value in it
	ShapeStruct    // by field
	ShapeList      // a slice or array: by index or key
	ShapeListOfAny // one value if all elements are scalars, by index otherwise
	ShapeMap       // by key
)

// Scalar reports whether a value of the shape is recorded as one attribute value.
func (s Shape) Scalar() bool { return s <= ShapeScalars }

var (
	typeTime          = reflect.TypeFor[time.Time]()
	typeDuration      = reflect.TypeFor[time.Duration]()
	typeTextMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	typeValuer        = reflect.TypeFor[driver.Valuer]()
)

var shapes sync.Map // reflect.Type → Shape

// ShapeOf returns the shape of a type that is not a pointer.
func ShapeOf(t reflect.Type) Shape {
	if cached, ok := shapes.Load(t); ok {
		s, _ := cached.(Shape)
		return s
	}
	s := classify(t)
	shapes.Store(t, s)
	return s
}

func classify(t reflect.Type) Shape {
	switch {
	case t == typeTime:
		return ShapeTime
	case t == typeDuration:
		return ShapeDuration
	case t.Kind() == reflect.Interface:
		return ShapeInterface
	case t.Kind() == reflect.Struct && hasTags(t, nil):
		return ShapeStruct
	case implements(t, typeTextMarshaler):
		return ShapeText
	}
	switch t.Kind() {
	case reflect.Bool:
		return ShapeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return ShapeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return ShapeUint
	case reflect.Float32, reflect.Float64:
		return ShapeFloat
	case reflect.String:
		return ShapeString
	case reflect.Struct:
		return classifyUntagged(t)
	case reflect.Slice, reflect.Array:
		return classifyList(t.Elem())
	case reflect.Map:
		if k := t.Key(); k.Kind() == reflect.Interface || IsKeyType(k) {
			return ShapeMap
		}
		return ShapeOpaque
	default:
		return ShapeOpaque
	}
}

// classifyUntagged returns the shape of a struct without audit tags.
func classifyUntagged(t reflect.Type) Shape {
	switch {
	case implements(t, typeValuer):
		return ShapeValuer
	case t.ConvertibleTo(typeTime):
		return ShapeTime
	case t.NumField() == 0:
		return ShapeEmptyStruct
	}
	return ShapeStruct
}

func classifyList(elem reflect.Type) Shape {
	if isByte(elem) {
		return ShapeBytes
	}
	elem = IndirectType(elem)
	if k := elem.Kind(); (k == reflect.Slice || k == reflect.Array) && !implements(elem, typeTextMarshaler) {
		// ShapeOf(elem) might not return: a slice type can be recursive.
		if isByte(elem.Elem()) {
			return ShapeScalars
		}
		return ShapeList
	}
	switch s := ShapeOf(elem); {
	case s == ShapeInterface:
		return ShapeListOfAny
	case s.Scalar(), s == ShapeValuer:
		return ShapeScalars
	default:
		return ShapeList
	}
}

func isByte(t reflect.Type) bool {
	return t.Kind() == reflect.Uint8 && ShapeOf(t) == ShapeUint
}

// IsKeyType reports whether [KeyText] has a text for the values of t.
func IsKeyType(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		return t.Implements(typeTextMarshaler)
	}
	switch ShapeOf(t) {
	case ShapeString, ShapeInt, ShapeUint, ShapeDuration, ShapeTime, ShapeText:
		return true
	default:
		return false
	}
}

// implements reports whether t or a pointer to t implements the interface i.
func implements(t, i reflect.Type) bool { return reflect.PointerTo(t).Implements(i) }

// IsSingle reports whether v, which is neither a pointer nor an interface, is
// recorded as one attribute value.
func IsSingle(v reflect.Value) bool {
	s := ShapeOf(v.Type())
	return s.Scalar() || s == ShapeValuer || s == ShapeListOfAny && !HasComposite(v)
}

// HasComposite reports whether v, a slice or array of interfaces, has an element
// that is not a single value.
func HasComposite(v reflect.Value) bool {
	for i := range v.Len() {
		elem, _ := Indirect(v.Index(i))
		if IsNil(elem) {
			continue
		}
		if s := ShapeOf(elem.Type()); s >= ShapeScalars && s != ShapeValuer {
			return true
		}
	}
	return false
}
