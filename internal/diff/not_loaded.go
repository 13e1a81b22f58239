package diff

import (
	"reflect"
	"strings"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// setNotLoaded sets the paths whose zero values are not known. A path that names no
// recorded field of t is an error.
func (w *walker) setNotLoaded(t reflect.Type, before, after reflect.Value, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	w.notLoaded = make(map[string]bool, len(paths))
	for _, path := range paths {
		if !w.planner.records(t, selection{rules: w.planner.rules, level: levelTags}, path) {
			return &Error{Field: path, Reason: "the path of diff.NotLoaded names no recorded field of " + t.String() + "; write it as changes have it, such as author.name"}
		}
		w.notLoaded[path] = true
	}
	old, _ := values.Indirect(before)
	w.created = values.IsNil(old)
	current, _ := values.Indirect(after)
	w.deleted = values.IsNil(current)
	return nil
}

// records reports whether a value of type t can have changes at the path. It does not look
// into maps, lists and interfaces, whose paths depend on the value.
func (p *planner) records(t reflect.Type, s selection, path string) bool {
	if path == "" {
		return false
	}
	t = values.IndirectType(t)
	switch s.shapeOf(t) {
	case values.ShapeStruct:
	case values.ShapeInterface, values.ShapeList, values.ShapeListOfAny, values.ShapeMap:
		return true
	default:
		return false
	}
	plan := p.plan(t, s)
	for i := range plan.fields {
		f := &plan.fields[i]
		rest, ok := strings.CutPrefix(path, f.name)
		if ok && rest == "" {
			return true
		}
		if below, isBelow := strings.CutPrefix(rest, "."); ok && isBelow && p.records(f.typ, f.selected, below) {
			return true
		}
	}
	return false
}

// walkNotLoaded walks the values at a path of NotLoaded. It reports false if both are known.
func (w *walker) walkNotLoaded(before, after reflect.Value, s selection) (walked bool) {
	oldUnknown := !w.created && isZero(before)
	switch {
	case !w.deleted && isZero(after), oldUnknown && w.deleted:
		return true // what changed is not known
	case !oldUnknown || w.oldUnknown:
		return false
	}
	w.oldUnknown = true
	w.walk(reflect.Value{}, after, s)
	w.oldUnknown = false
	return true
}

// isZero reports whether v is absent, a zero value, or an empty list or map.
func isZero(v reflect.Value) bool {
	v, _ = values.Indirect(v)
	if values.IsNil(v) {
		return true
	}
	if k := v.Kind(); k == reflect.Slice || k == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}

// notLoadedIfEmpty returns the placeholder instead of EMPTY.
func notLoadedIfEmpty(v attribute.Value) attribute.Value {
	if v.Type() == attribute.EMPTY {
		return attribute.StringValue(values.NotLoaded)
	}
	return v
}
