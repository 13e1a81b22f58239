package audit

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// optIn says what may be recorded of a value: it is handed down from a field to
// what the field holds.
type optIn struct {
	rules     *ruleNode // what WithFields says from here on
	level     optLevel
	sensitive bool
}

// optLevel says what is opted in beyond the rules.
type optLevel uint8

const (
	optRules optLevel = iota // nothing
	optTags                  // the tagged fields of a struct
	optAll                   // whatever the value is; of a struct its tagged fields
)

// shapeOf is the shape of values of t where rules or the lack of a name make them
// go by their fields in spite of their methods.
func (in optIn) shapeOf(t reflect.Type) shape {
	s := shapeOf(t)
	if (s == shapeText || s == shapeValuer) && t.Kind() == reflect.Struct && (in.level != optAll || !in.rules.empty()) {
		return shapeStruct
	}
	return s
}

// member returns what is opted in of the member of a map.
func (in optIn) member(key string) optIn {
	below, rule := in.rules.match(key)
	member := optIn{rules: below, level: optRules, sensitive: rule == FieldSensitive}
	if in.level == optAll || rule == FieldTracked {
		member.level = optAll
	}
	return member
}

// nothing reports whether nothing can be recorded.
func (in optIn) nothing() bool {
	return in.level == optRules && in.rules.empty() && !in.sensitive
}

// plan is how a struct is recorded under an optIn.
type plan struct {
	fields    []planField
	key       int         // of fields, or -1
	unmatched []*ruleNode // rules that name no field
	err       error
}

// planField is a field that is recorded.
type planField struct {
	name  string
	index []int // through embedded structs
	typ   reflect.Type
	owner string // of the field, for errors
	optIn optIn
}

// of returns the field of v, or the zero Value where it is behind a nil pointer.
func (f *planField) of(v reflect.Value) reflect.Value {
	if !v.IsValid() {
		return v
	}
	for i, at := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v
}

// planner makes plans by the tags and one set of rules, and keeps them.
type planner struct {
	rules  *ruleNode
	plans  sync.Map // planKey → *plan
	checks sync.Map // reflect.Type → error or nil
}

type planKey struct {
	typ   reflect.Type
	rules *ruleNode
	level optLevel
}

// tagPlans makes the plans of types by their tags alone.
var tagPlans planner

// plan returns the plan of a struct: the same pointer for the same arguments.
func (p *planner) plan(t reflect.Type, in optIn) *plan {
	if in.rules == nil {
		p = &tagPlans
	}
	level := in.level
	if level == optAll {
		level = optTags
	}
	key := planKey{t, in.rules, level}
	if known, ok := p.plans.Load(key); ok {
		made, _ := known.(*plan)
		return made
	}
	known, _ := p.plans.LoadOrStore(key, newPlan(t, in.rules, level))
	made, _ := known.(*plan)
	return made
}

func newPlan(t reflect.Type, rules *ruleNode, level optLevel) *plan {
	c := planCompiler{typ: t, rules: rules, matched: make(map[string]bool), within: []reflect.Type{t}, plan: &plan{key: -1}}
	if err := c.add(t, nil, level); err != nil {
		return &plan{key: -1, err: err}
	}
	if rules != nil {
		for _, name := range slices.Sorted(maps.Keys(rules.children)) {
			if !c.matched[name] {
				c.plan.unmatched = append(c.plan.unmatched, rules.children[name])
			}
		}
	}
	return c.plan
}

// planCompiler makes one plan.
type planCompiler struct {
	typ     reflect.Type
	rules   *ruleNode
	matched map[string]bool // Go names that rules name
	within  []reflect.Type  // the structs being looked into, to end recursive embedding
	plan    *plan
}

// add adds the fields of t, which is the struct itself or embedded in it at
// index.
func (c *planCompiler) add(t reflect.Type, index []int, level optLevel) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, err := parseTag(t, f)
		if err != nil {
			return err
		}
		at := append(slices.Clone(index), i)
		rule := c.rule(f.Name, at)
		inner, embedded := embeddedStruct(f)
		switch {
		case embedded && tag.name == "" && rule == nil:
			if slices.Contains(c.within, inner) {
				continue // shadowed by its own fields further out
			}
			innerLevel := level
			if tag.excluded {
				innerLevel = optRules
			}
			c.within = append(c.within, inner)
			err = c.add(inner, at, innerLevel)
			c.within = c.within[:len(c.within)-1]
		case tag.name != "" && level != optRules, rule != nil:
			err = c.addField(t, f, tag, rule, at, level)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *planCompiler) addField(t reflect.Type, f reflect.StructField, tag tag, rule *ruleNode, index []int, level optLevel) error {
	if !f.IsExported() {
		return fieldError(t, f.Name, "a rule of WithFields names the field and it is not exported")
	}
	added := planField{
		name:  cmp.Or(tag.name, f.Name),
		index: index,
		typ:   f.Type,
		owner: t.String() + "." + f.Name,
		optIn: optIn{rules: rule, sensitive: tag.sensitive || rule.has(FieldSensitive)},
	}
	byTag := tag.name != "" && level != optRules
	_, embedded := embeddedStruct(f)
	switch {
	case byTag, rule.has(FieldTracked):
		added.optIn.level = optAll
	case embedded && !tag.excluded:
		added.optIn.level = level // as if the rule were not there
	}
	if byTag && tag.key {
		if added.optIn.sensitive {
			return fieldError(t, f.Name, "a key stands in the paths of the changes and cannot be sensitive, as a rule of WithFields has it")
		}
		if c.plan.key >= 0 {
			return fieldError(t, f.Name, fmt.Sprintf("the field is tagged as key, and so is %s", c.plan.fields[c.plan.key].owner))
		}
		c.plan.key = len(c.plan.fields)
	}
	for _, other := range c.plan.fields {
		if other.name == added.name {
			return fieldError(t, f.Name, fmt.Sprintf("the field is recorded as %q, and so is %s; rename one of them, or tag the embedded struct that it is in",
				added.name, other.owner))
		}
	}
	c.plan.fields = append(c.plan.fields, added)
	return nil
}

// rule returns the rule on the field of that name, if Go finds it at index.
func (c *planCompiler) rule(name string, index []int) *ruleNode {
	rule := c.rules.child(name)
	if rule == nil {
		return nil
	}
	if f, ok := c.typ.FieldByName(name); !ok || !slices.Equal(f.Index, index) {
		return nil
	}
	c.matched[name] = true
	return rule
}
