package audit

import (
	"reflect"

	"go.opentelemetry.io/otel/attribute"
)

// form is how a value takes part in a walk.
type form uint8

const (
	formAbsent form = iota
	formSingle      // one value
	formStruct
	formList  // a slice or array by index
	formKeyed // a slice or array by key
	formMap
)

// side is one of the two values at a path. The zero side is absent.
type side struct {
	form    form
	value   reflect.Value // behind all pointers and interfaces
	plan    *plan         // of formStruct
	members []member      // of formKeyed and formMap
	list    bool          // of formSingle: a slice of interfaces
	why     string        // of formSingle: why it cannot be represented
	cycle   int           // of formSingle: where the same value was met before, or 0
}

// sideOf looks at one value, as far as it is opted in.
func (w *walker) sideOf(v reflect.Value, in optIn, t *trail) side {
	s := w.formOf(v, in, t)
	if s.form == formSingle && in.level != optAll && s.why != whyKeys {
		return side{}
	}
	return s
}

func (w *walker) formOf(v reflect.Value, in optIn, t *trail) side {
	v, cycle := t.follow(v, w.depth)
	if cycle > 0 {
		return side{form: formSingle, value: v, why: whyCycle, cycle: cycle}
	}
	if isNil(v) {
		return side{}
	}
	shape := in.shapeOf(v.Type())
	switch {
	case shape == shapeValuer:
		held, ok := unwrap(v)
		switch {
		case !ok:
			return side{form: formSingle, value: v, why: whyValue}
		case !held.IsValid():
			return side{}
		default:
			return side{form: formSingle, value: held}
		}
	case shape.scalar():
		return side{form: formSingle, value: v}
	case shape == shapeListOfAny && !nested(v):
		return side{form: formSingle, value: v, list: true}
	case w.depth >= maxDepth:
		return side{form: formSingle, value: v, why: whyDepth}
	case shape == shapeStruct:
		return w.structSide(v, in)
	default:
		return w.elementsSide(v, in, t)
	}
}

// structSide looks at a struct. What shows nothing of itself was held by an
// interface, or it would have been a mistake.
func (w *walker) structSide(v reflect.Value, in optIn) side {
	made := w.planner.plan(v.Type(), in)
	switch {
	case made.err != nil:
		return side{form: formSingle, value: v, why: whyTags}
	case len(made.fields) == 0:
		return side{form: formSingle, value: v}
	default:
		return side{form: formStruct, value: v, plan: made}
	}
}

// elementsSide looks at a slice, an array or a map.
func (w *walker) elementsSide(v reflect.Value, in optIn, t *trail) side {
	if v.Kind() != reflect.Array && v.Len() > 0 {
		if cycle := t.enter(v, w.depth); cycle > 0 {
			return side{form: formSingle, value: v, why: whyCycle, cycle: cycle}
		}
	}
	if v.Kind() == reflect.Map {
		members, ok := membersOfMap(v, in)
		if !ok {
			return side{form: formSingle, value: v, why: whyKeys}
		}
		return side{form: formMap, value: v, members: members}
	}
	if by := w.planner.keyed(v.Type().Elem(), in); by != nil {
		return side{form: formKeyed, value: v, members: membersOfList(v, by, in)}
	}
	return side{form: formList, value: v}
}

// nested reports whether an element of a slice of interfaces is more than one
// value.
func nested(v reflect.Value) bool {
	for i := range v.Len() {
		elem, _ := follow(v.Index(i))
		if isNil(elem) {
			continue
		}
		if s := shapeOf(elem.Type()); s >= shapeScalars && s != shapeValuer {
			return true
		}
	}
	return false
}

// equal compares two sides of formSingle.
func (s side) equal(other side) bool {
	switch {
	case s.form != other.form || s.cycle != other.cycle:
		return false
	case s.cycle > 0:
		return true // where both come back to was compared already
	default:
		return equal(s.value, other.value)
	}
}

// record returns the value of a side of formSingle.
func (s side) record() attribute.Value {
	switch {
	case s.form == formAbsent:
		return attribute.Value{}
	case s.why != "":
		return unrepresentable(s.value.Type(), s.why)
	default:
		return valueOf(s.value)
	}
}

// len returns the number of elements of a side of formList.
func (s side) len() int {
	if s.form == formAbsent {
		return 0
	}
	return s.value.Len()
}

// at returns an element of a side of formList, or the zero Value beyond its end.
func (s side) at(i int) reflect.Value {
	if i >= s.len() {
		return reflect.Value{}
	}
	return s.value.Index(i)
}
