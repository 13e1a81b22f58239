package audit

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// check finds the mistakes in the tags of T, in those of all types below it, and
// in the rules, before any value is looked at.
func (p *planner) check(t reflect.Type) error {
	if known, ok := p.checks.Load(t); ok {
		err, _ := known.(error)
		return err
	}
	c := checker{planner: p, seen: make(map[planKey]bool)}
	err := c.check(t, optIn{rules: p.rules, level: optTags}, t.String())
	p.checks.Store(t, err)
	return err
}

type checker struct {
	planner *planner
	seen    map[planKey]bool // to end recursive types
}

// check checks t; owner is the field that has it, for errors.
func (c *checker) check(t reflect.Type, in optIn, owner string) error {
	t = pointee(t)
	key := planKey{t, in.rules, in.level}
	if in.sensitive || c.seen[key] {
		return nil
	}
	c.seen[key] = true
	switch in.shapeOf(t) {
	case shapeInterface:
		return nil
	case shapeStruct:
		return c.checkStruct(t, in, owner)
	case shapeList, shapeListOfAny:
		return c.check(t.Elem(), in, owner)
	case shapeMap:
		return c.checkMap(t, in, owner)
	default:
		return c.checkScalar(t, in, owner)
	}
}

func (c *checker) checkStruct(t reflect.Type, in optIn, owner string) error {
	made := c.planner.plan(t, in)
	switch {
	case made.err != nil:
		return made.err
	case len(made.unmatched) > 0:
		return &ValidationError{
			Field:  made.unmatched[0].path,
			Reason: fmt.Sprintf("the path of WithFields names no field of %s; a field goes by its Go name", t),
		}
	case len(made.fields) == 0 && in.level == optAll:
		return &ValidationError{
			Field:  owner,
			Reason: fmt.Sprintf("nothing of it would be recorded: no field of %s has an audit tag; tag them, name them in WithFields, make the field sensitive, or give the type a MarshalText method", t),
		}
	}
	for i := range made.fields {
		f := &made.fields[i]
		if err := c.check(f.typ, f.optIn, f.owner); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkMap(t reflect.Type, in optIn, owner string) error {
	if in.level == optTags && in.rules.empty() {
		return &ValidationError{Field: owner, Reason: "a map has no tags; name its keys in WithFields"}
	}
	if in.level == optAll {
		if err := c.check(t.Elem(), optIn{level: optAll}, owner); err != nil {
			return err
		}
	}
	if in.rules == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(in.rules.children)) {
		if err := c.check(t.Elem(), in.member(name), owner); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkScalar(t reflect.Type, in optIn, owner string) error {
	if !in.rules.empty() {
		return &ValidationError{
			Field:  cmp.Or(in.rules.path, owner),
			Reason: fmt.Sprintf("paths of WithFields go on below it, but its type, %s, is one value", t),
		}
	}
	if in.level != optAll {
		return &ValidationError{Field: owner, Reason: "a value without fields has no name to be recorded under; put it into a struct with audit tags"}
	}
	return nil
}
