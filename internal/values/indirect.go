package values

import "reflect"

// maxPointers limits how many pointers to pointers are followed, because a pointer
// type can be recursive: type P *P.
const maxPointers = 32

// IndirectType returns the type that t points to, through any number of pointers.
// It returns a pointer type if there are more than 32.
func IndirectType(t reflect.Type) reflect.Type {
	for range maxPointers {
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

// Indirect returns the value in v, through pointers and interfaces, or the zero
// Value for nil. It reports false if there are more than 32 of them, as in a
// pointer to itself.
func Indirect(v reflect.Value) (inner reflect.Value, ok bool) {
	for range maxPointers {
		if k := v.Kind(); k != reflect.Pointer && k != reflect.Interface {
			return v, true
		}
		v = v.Elem()
	}
	return v, false
}

// IsNil reports whether v, which is neither a pointer nor an interface, is nil or
// the zero Value.
func IsNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return v.IsNil()
	default:
		return false
	}
}
