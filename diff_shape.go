package audit

import (
	"database/sql/driver"
	"encoding"
	"reflect"
	"sync"
	"time"
)

// shape is how values of a type are recorded.
type shape uint8

const (
	shapeOpaque shape = iota // cannot be represented
	shapeBool
	shapeInt
	shapeUint
	shapeFloat
	shapeString
	shapeDuration
	shapeTime
	shapeText    // an encoding.TextMarshaler
	shapeUnit    // struct{}
	shapeBytes   // a slice or array of bytes
	shapeScalars // a slice or array of the above
	shapeValuer  // a driver.Valuer: whatever it holds

	shapeInterface // whatever it holds
	shapeStruct    // its fields
	shapeList      // a slice or array, by index or key
	shapeListOfAny // one value if there are only scalars in it, else by index
	shapeMap       // its keys
)

// scalar reports whether a value of the shape is one value.
func (s shape) scalar() bool { return s <= shapeScalars }

var (
	typeTime          = reflect.TypeFor[time.Time]()
	typeDuration      = reflect.TypeFor[time.Duration]()
	typeTextMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	typeValuer        = reflect.TypeFor[driver.Valuer]()
)

// maxPointers bounds how many pointers to pointers are followed, because a
// pointer type can be recursive: type P *P.
const maxPointers = 32

// pointee returns what t points to, through any number of pointers, or a pointer
// type if there are too many.
func pointee(t reflect.Type) reflect.Type {
	for range maxPointers {
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

var shapes sync.Map // reflect.Type → shape

// shapeOf returns the shape of a type that is no pointer.
func shapeOf(t reflect.Type) shape {
	if known, ok := shapes.Load(t); ok {
		s, _ := known.(shape)
		return s
	}
	s := classify(t)
	shapes.Store(t, s)
	return s
}

func classify(t reflect.Type) shape {
	switch {
	case t == typeTime:
		return shapeTime
	case t == typeDuration:
		return shapeDuration
	case t.Kind() == reflect.Interface:
		return shapeInterface
	case t.Kind() == reflect.Struct && tagged(t, nil):
		return shapeStruct
	case implements(t, typeTextMarshaler):
		return shapeText
	}
	switch t.Kind() {
	case reflect.Bool:
		return shapeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return shapeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return shapeUint
	case reflect.Float32, reflect.Float64:
		return shapeFloat
	case reflect.String:
		return shapeString
	case reflect.Struct:
		return classifyUntagged(t)
	case reflect.Slice, reflect.Array:
		return classifyList(t.Elem())
	case reflect.Map:
		if k := t.Key(); k.Kind() == reflect.Interface || keyable(k) {
			return shapeMap
		}
		return shapeOpaque
	default:
		return shapeOpaque
	}
}

func classifyUntagged(t reflect.Type) shape {
	switch {
	case implements(t, typeValuer):
		return shapeValuer
	case t.ConvertibleTo(typeTime):
		return shapeTime
	case t.NumField() == 0:
		return shapeUnit
	}
	return shapeStruct
}

func classifyList(elem reflect.Type) shape {
	if byteLike(elem) {
		return shapeBytes
	}
	elem = pointee(elem)
	if k := elem.Kind(); (k == reflect.Slice || k == reflect.Array) && !implements(elem, typeTextMarshaler) {
		// Not by the element's shape: a slice type can be recursive.
		if byteLike(elem.Elem()) {
			return shapeScalars
		}
		return shapeList
	}
	switch s := shapeOf(elem); {
	case s == shapeInterface:
		return shapeListOfAny
	case s.scalar(), s == shapeValuer:
		return shapeScalars
	default:
		return shapeList
	}
}

func byteLike(t reflect.Type) bool {
	return t.Kind() == reflect.Uint8 && shapeOf(t) == shapeUint
}

// keyable reports whether values of t can name things.
func keyable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		return t.Implements(typeTextMarshaler)
	}
	switch shapeOf(t) {
	case shapeString, shapeInt, shapeUint, shapeDuration, shapeTime, shapeText:
		return true
	default:
		return false
	}
}

// implements reports whether t or a pointer to it has the methods of i.
func implements(t, i reflect.Type) bool { return reflect.PointerTo(t).Implements(i) }

// tagged reports whether a struct has a field with an audit tag, good or bad,
// counting those of embedded structs. seen ends recursive embedding.
func tagged(t reflect.Type, seen map[reflect.Type]bool) bool {
	for f := range t.Fields() {
		text, ok := f.Tag.Lookup("audit")
		if ok && text != "-" || !ok && misspelt(f.Tag) {
			return true
		}
		inner, embedded := embeddedStruct(f)
		if ok || !embedded || seen[inner] {
			continue
		}
		if seen == nil {
			seen = make(map[reflect.Type]bool)
		}
		seen[inner] = true
		if tagged(inner, seen) {
			return true
		}
	}
	return false
}

// embeddedStruct returns the struct that f embeds, by value or by pointer.
func embeddedStruct(f reflect.StructField) (reflect.Type, bool) {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, f.Anonymous && t.Kind() == reflect.Struct
}
