package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/opendeed/audit/internal/values"
)

// structPlan is how a struct is recorded under a selection.
type structPlan struct {
	fields    []plannedField
	key       int         // index in fields, or -1
	unmatched []*ruleNode // rules that match no field
	err       error
}

// plannedField is a field that is recorded.
type plannedField struct {
	name     string
	index    []int // through embedded structs
	typ      reflect.Type
	owner    string    // "shop.Article.Title", for errors
	selected selection // of its value
}

// valueIn returns the field of the struct v, or the zero Value if v is the zero
// Value or embeds the field's struct by a nil pointer.
func (f *plannedField) valueIn(v reflect.Value) reflect.Value {
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

// planner compiles plans from tags and one set of rules, and caches them. It is
// safe for concurrent use.
type planner struct {
	rules  *ruleNode
	plans  sync.Map // planKey → *structPlan
	checks sync.Map // reflect.Type → error or nil
}

type planKey struct {
	typ   reflect.Type
	rules *ruleNode
	level level
}

// tagPlanner compiles plans from tags alone.
var tagPlanner planner

// plan returns the plan of a struct. It returns the same pointer for the same
// arguments.
func (p *planner) plan(t reflect.Type, s selection) *structPlan {
	if s.rules == nil {
		p = &tagPlanner
	}
	key := planKey{t, s.rules, min(s.level, levelTags)}
	if cached, ok := p.plans.Load(key); ok {
		plan, _ := cached.(*structPlan)
		return plan
	}
	cached, _ := p.plans.LoadOrStore(key, compile(key))
	plan, _ := cached.(*structPlan)
	return plan
}

// keyPlan returns the plan of the elements of a slice that is recorded by key, or
// nil if it is recorded by index.
func (p *planner) keyPlan(elem reflect.Type, s selection) *structPlan {
	elem = values.IndirectType(elem)
	if values.ShapeOf(elem) != values.ShapeStruct {
		return nil
	}
	if plan := p.plan(elem, s); plan.key >= 0 {
		return plan
	}
	return nil
}

func compile(key planKey) *structPlan {
	c := compiler{
		typ: key.typ, rules: key.rules, matched: make(map[string]bool),
		enclosing: []reflect.Type{key.typ}, plan: &structPlan{key: -1},
	}
	if err := c.addStruct(key.typ, nil, key.level); err != nil {
		return &structPlan{key: -1, err: err}
	}
	if c.rules != nil {
		for _, name := range slices.Sorted(maps.Keys(c.rules.children)) {
			if !c.matched[name] {
				c.plan.unmatched = append(c.plan.unmatched, c.rules.children[name])
			}
		}
	}
	return c.plan
}

// compiler compiles one plan.
type compiler struct {
	typ       reflect.Type
	rules     *ruleNode
	matched   map[string]bool // the Go names of fields that rules match
	enclosing []reflect.Type  // ends recursive embedding
	plan      *structPlan
}

// addStruct adds the fields of t, which is the struct itself or a struct that it
// embeds at index.
func (c *compiler) addStruct(t reflect.Type, index []int, at level) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, err := parseTag(t, f)
		if err != nil {
			return err
		}
		fieldIndex := append(slices.Clone(index), i)
		rule := c.ruleOn(f.Name, fieldIndex)
		inner, embedded := values.EmbeddedStruct(f)
		switch {
		case embedded && tag.name == "" && rule == nil:
			if slices.Contains(c.enclosing, inner) {
				continue // the fields of the outer one hide its fields
			}
			innerLevel := at
			if tag.excluded {
				innerLevel = levelNone
			}
			c.enclosing = append(c.enclosing, inner)
			err = c.addStruct(inner, fieldIndex, innerLevel)
			c.enclosing = c.enclosing[:len(c.enclosing)-1]
		case tag.name != "" && at != levelNone, rule != nil:
			err = c.addField(t, f, tag, rule, fieldIndex, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) addField(t reflect.Type, f reflect.StructField, tag tag, rule *ruleNode, index []int, at level) error {
	if !f.IsExported() {
		return fieldError(t, f.Name, "a rule of WithFields names the field and it is not exported")
	}
	field := plannedField{
		name:     cmp.Or(tag.name, f.Name),
		index:    index,
		typ:      f.Type,
		owner:    t.String() + "." + f.Name,
		selected: selection{rules: rule, sensitive: tag.sensitive || rule.has(Sensitive), precision: tag.precision},
	}
	byTag := tag.name != "" && at != levelNone
	_, embedded := values.EmbeddedStruct(f)
	switch {
	case byTag, rule.has(Tracked):
		field.selected.level = levelAll
	case embedded && !tag.excluded:
		field.selected.level = at // as without a rule
	}
	if byTag && tag.key {
		if field.selected.sensitive {
			return fieldError(t, f.Name, "a key stands in the paths of the changes and cannot be sensitive, as a rule of WithFields has it")
		}
		if c.plan.key >= 0 {
			return fieldError(t, f.Name, fmt.Sprintf("the field is tagged as key, and so is %s", c.plan.fields[c.plan.key].owner))
		}
		c.plan.key = len(c.plan.fields)
	}
	for _, other := range c.plan.fields {
		if other.name == field.name {
			return fieldError(t, f.Name, fmt.Sprintf("the field is recorded as %q, and so is %s; rename one of them, or tag the embedded struct that it is in",
				field.name, other.owner))
		}
	}
	c.plan.fields = append(c.plan.fields, field)
	return nil
}

// ruleOn returns the rule on the field of that name at index, or nil. A field that
// another one of the same name hides has no rule.
func (c *compiler) ruleOn(name string, index []int) *ruleNode {
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
