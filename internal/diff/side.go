package diff

import (
	"reflect"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// maxDepth limits how deeply values are nested.
const maxDepth = 32

// form is how the walker treats a value.
type form uint8

const (
	formAbsent form = iota
	formSingle      // as one attribute value
	formStruct      // by field
	formList        // a slice or array, by index
	formKeyed       // a slice or array, by key
	formMap         // by key
)

// Why a value is unrepresentable although other values of its type are not.
const (
	reasonCycle  = "cycle"  // it contains itself
	reasonDepth  = "depth"  // it is nested too deeply
	reasonKeys   = "keys"   // it is a map, and a key has no text or that of another
	reasonTags   = "tags"   // an interface holds it, and its tags have a mistake
	reasonShared = "shared" // it is recorded under another path
	reasonSize   = "size"   // it has too many elements
	reasonLimit  = "limit"  // there are more changes than one diff records
)

// side is one of the two values at a path. The zero side is absent.
type side struct {
	form    form
	value   reflect.Value // neither a pointer nor an interface, except in a cycle
	plan    *structPlan   // if formStruct
	members []member      // if formKeyed or formMap
	// If formSingle:
	listOfAny bool   // a slice of interfaces
	reason    string // why it is unrepresentable
	cycle     int    // if it is part of a cycle, the position in the refStack
}

// sideOf classifies a value at that depth, as far as it is opted in, and adds the
// references in it to refs.
func (p *planner) sideOf(v reflect.Value, s selection, refs *refStack, depth int) side {
	classified := p.classify(v, s, refs, depth)
	if classified.form == formSingle && s.level != levelAll && classified.reason != reasonKeys && classified.reason != reasonSize {
		return side{}
	}
	return classified
}

func (p *planner) classify(v reflect.Value, s selection, refs *refStack, depth int) side {
	v, cycle := refs.indirect(v, depth)
	if cycle > 0 {
		return side{form: formSingle, value: v, reason: reasonCycle, cycle: cycle}
	}
	if values.IsNil(v) {
		return side{}
	}
	shape := s.shapeOf(v.Type())
	switch {
	case shape == values.ShapeValuer:
		inner, ok := values.Unwrap(v)
		switch {
		case !ok:
			return side{form: formSingle, value: v, reason: values.ReasonValueFailed}
		case !inner.IsValid():
			return side{}
		default:
			return side{form: formSingle, value: inner}
		}
	case shape.Scalar():
		return side{form: formSingle, value: v}
	case shape == values.ShapeListOfAny && !values.HasComposite(v):
		return side{form: formSingle, value: v, listOfAny: true}
	case depth >= maxDepth:
		return side{form: formSingle, value: v, reason: reasonDepth}
	case shape == values.ShapeStruct:
		return p.classifyStruct(v, s)
	default:
		return p.classifyElements(v, s, refs, depth)
	}
}

// classifyStruct classifies a struct. One without tracked fields was held by an
// interface; elsewhere check reports it as a mistake.
func (p *planner) classifyStruct(v reflect.Value, s selection) side {
	plan := p.plan(v.Type(), s)
	switch {
	case plan.err != nil:
		return side{form: formSingle, value: v, reason: reasonTags}
	case len(plan.fields) == 0:
		return side{form: formSingle, value: v}
	default:
		return side{form: formStruct, value: v, plan: plan}
	}
}

// classifyElements classifies a slice, an array or a map.
func (p *planner) classifyElements(v reflect.Value, s selection, refs *refStack, depth int) side {
	if v.Kind() != reflect.Array && v.Len() > 0 {
		if cycle := refs.push(v, depth); cycle > 0 {
			return side{form: formSingle, value: v, reason: reasonCycle, cycle: cycle}
		}
	}
	if v.Len() > maxElements {
		return side{form: formSingle, value: v, reason: reasonSize}
	}
	if v.Kind() == reflect.Map {
		members, ok := membersOfMap(v, s)
		if !ok {
			return side{form: formSingle, value: v, reason: reasonKeys}
		}
		return side{form: formMap, value: v, members: members}
	}
	if plan := p.keyPlan(v.Type().Elem(), s); plan != nil {
		return side{form: formKeyed, value: v, members: membersOfList(v, plan, s)}
	}
	return side{form: formList, value: v}
}

// empty reports whether a side of formSingle or formAbsent is absent or an empty slice.
func (s side) empty() bool {
	return s.form == formAbsent || s.reason == "" && s.value.Kind() == reflect.Slice && s.value.Len() == 0
}

// recorded returns the value to record of a side of formSingle or formAbsent.
func (s side) recorded() attribute.Value {
	switch {
	case s.form == formAbsent:
		return attribute.Value{}
	case s.reason != "":
		return values.NewUnrepresentable(s.value.Type().String(), s.reason)
	default:
		return values.Of(s.value)
	}
}

// len returns the number of elements of a side of formList or formAbsent.
func (s side) len() int {
	if s.form == formAbsent {
		return 0
	}
	return s.value.Len()
}

// at returns an element of a side of formList or formAbsent, or the zero Value past
// its end.
func (s side) at(i int) reflect.Value {
	if i >= s.len() {
		return reflect.Value{}
	}
	return s.value.Index(i)
}
