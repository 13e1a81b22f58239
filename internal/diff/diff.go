package diff

import (
	"maps"
	"reflect"
	"time"

	"github.com/opendeed/audit/internal/values"
)

// AppendChanges appends the changes between two values of type t, or pointers to
// such, to dst and returns it. They are in the order that audit.Diff documents. A
// nil pointer is an absent value.
//
// An error is an [*Error] and never depends on the values; dst is returned as it
// was. AppendChanges is safe for concurrent use as long as nobody changes the
// values.
func AppendChanges(dst []Change, t reflect.Type, before, after reflect.Value, o Options) ([]Change, error) {
	p := &tagPlanner
	if o.Rules != nil {
		if o.Rules.err != nil {
			return dst, o.Rules.err
		}
		p = &o.Rules.planner
	}
	if err := p.checkTypes(t, before, after); err != nil {
		return dst, err
	}
	w := walker{planner: p, changes: dst, before: len(dst), path: make([]byte, 0, 64)}
	if err := w.setNotLoaded(t, before, after, o.NotLoaded); err != nil {
		return dst, err
	}
	w.walk(before, after, selection{rules: p.rules, level: levelTags, precision: o.Precision})
	w.addTruncated(values.IndirectType(t))
	return w.changes, nil
}

// Options are what a diff takes into account beside tags.
type Options struct {
	Rules     *Rules        // nil for tags alone
	Precision time.Duration // times that differ by less are equal
	NotLoaded []string      // the paths whose zero values are not known
}

// checkTypes checks t, or the types of the values if t is an interface.
func (p *planner) checkTypes(t reflect.Type, before, after reflect.Value) error {
	if t = values.IndirectType(t); t.Kind() != reflect.Interface {
		return p.check(t)
	}
	for _, v := range []reflect.Value{before, after} {
		if v, _ = values.Indirect(v); v.IsValid() {
			if err := p.check(v.Type()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Rules are the rules of one WithFields option, and the plans compiled from them.
// They are safe for concurrent use.
type Rules struct {
	rules   map[string]Rule
	err     error // returned by AppendChanges, since an option cannot return it
	planner planner
}

// NewRules returns the rules for paths of Go field names and map keys. It does not
// keep the map.
func NewRules(rules map[string]Rule) *Rules {
	r := &Rules{rules: maps.Clone(rules)}
	r.planner.rules, r.err = newRuleTree(rules)
	return r
}

// With returns the rules of both, the stricter one where both have a path. If r is
// nil, it returns other with its compiled plans, so that one option compiles once.
func (r *Rules) With(other *Rules) *Rules {
	if r == nil {
		return other
	}
	all := maps.Clone(r.rules)
	for path, rule := range other.rules {
		all[path] = max(all[path], rule)
	}
	return NewRules(all)
}
