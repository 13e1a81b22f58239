package auditmongo

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opendeed/audit/diff"
)

// fieldRules is the tree of rules at a path and below. A nil tree has no rules.
type fieldRules struct {
	rule     diff.Rule // zero if only children have rules
	children map[string]*fieldRules
}

func newFieldRules(rules map[string]diff.Rule) (*fieldRules, error) {
	root := &fieldRules{}
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(rules)) {
		errs = append(errs, root.add(path, rules[path]))
	}
	return root, errors.Join(errs...)
}

func (f *fieldRules) add(path string, rule diff.Rule) error {
	if rule != diff.Tracked && rule != diff.Sensitive {
		return fmt.Errorf("the rule of field %q is neither FieldTracked nor FieldSensitive", path)
	}
	for name := range strings.SplitSeq(path, ".") {
		if name == "" || isArrayPosition(name) {
			return fmt.Errorf("the field path %q has an empty name or an array position; write \"list.name\"", path)
		}
		child := f.children[name]
		if child == nil {
			child = &fieldRules{}
			if f.children == nil {
				f.children = make(map[string]*fieldRules)
			}
			f.children[name] = child
		}
		f = child
	}
	f.rule = rule
	return nil
}

// child returns the rules at a name below f. An array position is not part of a path.
func (f *fieldRules) child(name string) *fieldRules {
	switch {
	case f == nil:
		return nil
	case f.children[name] != nil:
		return f.children[name]
	case isArrayPosition(name):
		return f
	}
	return nil
}

// find returns the rules at a path, and the strictest rule at or above it.
func (f *fieldRules) find(path string) (*fieldRules, diff.Rule) {
	var rule diff.Rule
	for name := range strings.SplitSeq(path, ".") {
		if f = f.child(name); f == nil {
			break
		}
		rule = max(rule, f.rule)
	}
	return f, rule
}

// each calls visit for the topmost rules of f, sorted by path.
func (f *fieldRules) each(path string, visit func(path string, rule diff.Rule)) {
	if f == nil {
		return
	}
	if f.rule != 0 {
		visit(path, f.rule)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(f.children)) {
		f.children[name].each(path+"."+name, visit)
	}
}

// isArrayPosition reports whether a name in a path is the index of an array element, or
// one of the positional operators $, $[] and $[name].
func isArrayPosition(name string) bool {
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
