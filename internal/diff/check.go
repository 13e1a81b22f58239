package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/opendeed/audit/internal/values"
)

// check reports the first mistake in the tags of t, in those of the types below
// it, and in the rules. It looks at types only, never at values, and caches its
// result.
func (p *planner) check(t reflect.Type) error {
	if cached, ok := p.checks.Load(t); ok {
		err, _ := cached.(error)
		return err
	}
	c := checker{planner: p, visited: make(map[planKey]bool)}
	err := c.check(t, selection{rules: p.rules, level: levelTags}, t.String())
	p.checks.Store(t, err)
	return err
}

type checker struct {
	planner *planner
	visited map[planKey]bool // ends recursive types
}

// check checks t. Errors name its owner, which is the field of that type.
func (c *checker) check(t reflect.Type, s selection, owner string) error {
	t = values.IndirectType(t)
	key := planKey{t, s.rules, s.level}
	if s.sensitive || c.visited[key] {
		return nil
	}
	c.visited[key] = true
	switch s.shapeOf(t) {
	case values.ShapeInterface:
		return nil
	case values.ShapeStruct:
		return c.checkStruct(t, s, owner)
	case values.ShapeList, values.ShapeListOfAny:
		return c.check(t.Elem(), s, owner)
	case values.ShapeMap:
		return c.checkMap(t, s, owner)
	default:
		return c.checkScalar(t, s, owner)
	}
}

func (c *checker) checkStruct(t reflect.Type, s selection, owner string) error {
	plan := c.planner.plan(t, s)
	switch {
	case plan.err != nil:
		return plan.err
	case len(plan.unmatched) > 0:
		return &Error{
			Field:  plan.unmatched[0].path,
			Reason: fmt.Sprintf("the path of WithFields names no field of %s; a field goes by its Go name", t),
		}
	case len(plan.fields) == 0 && s.level == levelAll:
		return &Error{
			Field:  owner,
			Reason: fmt.Sprintf("nothing of it would be recorded: no field of %s has an audit tag; tag them, name them in WithFields, make the field sensitive, or give the type a MarshalText method", t),
		}
	}
	for i := range plan.fields {
		f := &plan.fields[i]
		if err := c.check(f.typ, f.selected, f.owner); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkMap(t reflect.Type, s selection, owner string) error {
	if s.level == levelTags && s.rules.isLeaf() {
		return &Error{Field: owner, Reason: "a map has no tags; name its keys in WithFields"}
	}
	if s.level == levelAll {
		if err := c.check(t.Elem(), selection{level: levelAll}, owner); err != nil {
			return err
		}
	}
	if s.rules == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.rules.children)) {
		if err := c.check(t.Elem(), s.forKey(name), owner); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkScalar(t reflect.Type, s selection, owner string) error {
	if !s.rules.isLeaf() {
		return &Error{
			Field:  cmp.Or(s.rules.path, owner),
			Reason: fmt.Sprintf("paths of WithFields go on below it, but its type, %s, is one value", t),
		}
	}
	if s.level != levelAll {
		return &Error{Field: owner, Reason: "a value without fields has no name to be recorded under; put it into a struct with audit tags"}
	}
	return nil
}
