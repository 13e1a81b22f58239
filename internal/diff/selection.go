package diff

import (
	"reflect"
	"time"

	"github.com/opendeed/audit/internal/values"
)

// selection is what is opted in of a value. A field passes one on to its value.
type selection struct {
	rules     *ruleNode // the rules on the value and below
	level     level
	sensitive bool
	precision time.Duration // times that differ by less are equal
}

// level is what is opted in without a rule.
type level uint8

const (
	levelNone level = iota
	levelTags       // the tagged fields of a struct
	levelAll        // the value, or the tagged fields of a struct
)

// shapeOf returns the shape of a type that is not a pointer. A struct with a text
// or a Value method is recorded by field if rules name its fields, or if the value
// has no name to be recorded under.
func (s selection) shapeOf(t reflect.Type) values.Shape {
	shape := values.ShapeOf(t)
	if (shape == values.ShapeText || shape == values.ShapeValuer) && t.Kind() == reflect.Struct && (s.level != levelAll || !s.rules.isLeaf()) {
		return values.ShapeStruct
	}
	return shape
}

// forKey returns what is opted in of a map's value.
func (s selection) forKey(key string) selection {
	node, rule := s.rules.match(key)
	selected := selection{rules: node, level: levelNone, sensitive: rule == Sensitive, precision: s.precision}
	if s.level == levelAll || rule == Tracked {
		selected.level = levelAll
	}
	return selected
}

// empty reports whether nothing is opted in.
func (s selection) empty() bool {
	return s.level == levelNone && s.rules.isLeaf() && !s.sensitive
}
