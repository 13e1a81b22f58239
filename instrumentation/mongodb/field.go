package auditmongo

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opendeed/audit"
)

// field is what the rules say of one path and of those below it. A nil field says
// nothing.
type field struct {
	rule  audit.FieldRule // zero where there are only rules below
	below map[string]*field
}

func newFields(rules map[string]audit.FieldRule) (*field, error) {
	root := &field{}
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(rules)) {
		errs = append(errs, root.add(path, rules[path]))
	}
	return root, errors.Join(errs...)
}

func (f *field) add(path string, rule audit.FieldRule) error {
	if rule != audit.FieldTracked && rule != audit.FieldSensitive {
		return fmt.Errorf("the rule of the field %q is neither FieldTracked nor FieldSensitive", path)
	}
	for name := range strings.SplitSeq(path, ".") {
		if name == "" || isPlace(name) {
			return fmt.Errorf("the path %q of a field has an empty name or the place of an element; write \"list.name\"", path)
		}
		child := f.below[name]
		if child == nil {
			child = &field{}
			if f.below == nil {
				f.below = make(map[string]*field)
			}
			f.below[name] = child
		}
		f = child
	}
	f.rule = rule
	return nil
}

// child returns what the rules say of a name below f. The place of an element is no
// part of a path.
func (f *field) child(name string) *field {
	switch {
	case f == nil:
		return nil
	case f.below[name] != nil:
		return f.below[name]
	case isPlace(name):
		return f
	}
	return nil
}

// find returns what the rules say of a path, and the strictest rule on the way.
func (f *field) find(path string) (*field, audit.FieldRule) {
	var rule audit.FieldRule
	for name := range strings.SplitSeq(path, ".") {
		if f = f.child(name); f == nil {
			break
		}
		rule = max(rule, f.rule)
	}
	return f, rule
}

// each calls visit with the path and the rule of f and of all below it that have one,
// in order.
func (f *field) each(path string, visit func(path string, rule audit.FieldRule)) {
	if f == nil {
		return
	}
	if f.rule != 0 {
		visit(path, f.rule)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(f.below)) {
		f.below[name].each(path+"."+name, visit)
	}
}

// isPlace reports whether a name in a path is the place of an element in an array:
// its index, or one of the positional operators $, $[] and $[name].
func isPlace(name string) bool {
	if name == "$" || strings.HasPrefix(name, "$[") {
		return true
	}
	for _, r := range name {
		if r < '0' || r > '9' {
			return false
		}
	}
	return name != ""
}
