package diff

import "reflect"

// ref identifies the referent of a pointer, map or slice.
type ref struct {
	typ  reflect.Type
	addr uintptr
	len  int // of a slice
}

func refOf(v reflect.Value) ref {
	r := ref{typ: v.Type(), addr: v.Pointer()}
	if v.Kind() == reflect.Slice {
		r.len = v.Len()
	}
	return r
}

// refStack has the pointers, maps and slices from the root of one value to where
// the walk is. It detects cycles.
type refStack []refEntry

type refEntry struct {
	ref   ref
	depth int // of the walk
}

// indirect returns the value in v, through pointers and interfaces. If a pointer
// is on the stack already, indirect returns that pointer and its position, as push
// does.
func (s *refStack) indirect(v reflect.Value, depth int) (inner reflect.Value, cycle int) {
	for {
		switch v.Kind() {
		case reflect.Interface:
		case reflect.Pointer:
			if v.IsNil() {
				return reflect.Value{}, 0
			}
			if cycle := s.push(v, depth); cycle > 0 {
				return v, cycle
			}
		default:
			return v, 0
		}
		v = v.Elem()
	}
}

// push adds v, which is a pointer, map or slice, and returns 0. If v is on the
// stack already, push returns one more than the depth it was added at.
func (s *refStack) push(v reflect.Value, depth int) (cycle int) {
	r := refOf(v)
	for _, e := range *s {
		if e.ref == r {
			return e.depth + 1
		}
	}
	*s = append(*s, refEntry{r, depth})
	return 0
}

// topAbove returns the ref that was added last, or the zero ref if none was since
// the stack had length n.
func (s refStack) topAbove(n int) ref {
	if len(s) == n {
		return ref{}
	}
	return s[len(s)-1].ref
}
