package audit

import "reflect"

// trail is what one side of a walk came through: the pointers, maps and slices
// from the root to where it is.
type trail []crossing

type crossing struct {
	ref   ref
	depth int // of the walk
}

// ref identifies what a pointer, map or slice refers to.
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

// follow returns what v holds behind pointers and interfaces. Where that leads
// back to a pointer on the trail, it returns that pointer and where it was met.
func (t *trail) follow(v reflect.Value, depth int) (held reflect.Value, met int) {
	for {
		switch v.Kind() {
		case reflect.Interface:
		case reflect.Pointer:
			if v.IsNil() {
				return reflect.Value{}, 0
			}
			if met := t.enter(v, depth); met > 0 {
				return v, met
			}
		default:
			return v, 0
		}
		v = v.Elem()
	}
}

// enter adds what v refers to, or returns where it was met before: 1 is the root.
func (t *trail) enter(v reflect.Value, depth int) (met int) {
	r := refOf(v)
	for _, c := range *t {
		if c.ref == r {
			return c.depth + 1
		}
	}
	*t = append(*t, crossing{r, depth})
	return 0
}

// lastSince returns what was entered last, if anything was since the trail had
// the length of mark.
func (t trail) lastSince(mark int) ref {
	if len(t) == mark {
		return ref{}
	}
	return t[len(t)-1].ref
}
