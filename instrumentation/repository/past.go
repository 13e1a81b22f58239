package auditrepo

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/opendeed/audit"
	"go.opentelemetry.io/otel/attribute"
)

// past keeps values as they were before a write. A store may change in place what its
// Get returned, so that a value that is merely held would equal the one after it.
type past[T any] struct {
	clone func(T) T
	diff  []audit.DiffOption
	plain bool // values of T share nothing with their copies, or nothing of them is recorded
}

func newPast[T any](clone func(T) T, diff []audit.DiffOption) (*past[T], error) {
	t := reflect.TypeFor[T]()
	p := &past[T]{clone: clone, diff: diff, plain: isPlain(t) || len(diff) == 0 && recordsNothing(t)}
	if p.plain || clone != nil {
		return p, nil
	}
	all := len(diff) > 0 // what the rules say is not known here
	if name := uncopyable(t, all, nil); name != "" {
		return nil, fmt.Errorf("auditrepo: Config.Clone must copy values: %s embeds a pointer to a type that is not exported, which only its own package can copy", name)
	}
	p.clone = func(value T) T {
		var copied T
		c := copier{all: all}
		reflect.ValueOf(&copied).Elem().Set(c.copy(reflect.ValueOf(&value).Elem()))
		return copied
	}
	return p, nil
}

// snapshot is a value at one moment.
type snapshot[T any] struct {
	value  T
	shared bool           // it is a copy, which may still share something
	values []audit.Change // what is recorded of it, rendered in time, where it is shared
}

// take must be called before the value can change.
func (p *past[T]) take(value T) (*snapshot[T], error) {
	if p.plain || isNil(value) {
		return &snapshot[T]{value: value}, nil
	}
	values, err := p.render(value)
	if err != nil {
		return nil, err
	}
	return &snapshot[T]{value: p.clone(value), shared: true, values: values}, nil
}

// render returns what is recorded of a value that is removed.
func (p *past[T]) render(value T) ([]audit.Change, error) {
	return audit.Diff[*T](&value, nil, p.diff...)
}

// removal returns the changes of a value that is there no more.
func (p *past[T]) removal(s *snapshot[T]) ([]audit.Change, error) {
	if s.shared {
		return s.values, nil
	}
	return p.render(s.value)
}

// creation returns the changes of a value that was not there.
func (p *past[T]) creation(value T) ([]audit.Change, error) {
	return audit.Diff[*T](nil, &value, p.diff...)
}

// changes returns what is different in after.
func (p *past[T]) changes(s *snapshot[T], after T) ([]audit.Change, error) {
	changes, err := audit.Diff(s.value, after, p.diff...)
	if err != nil || !s.shared {
		return changes, err
	}
	now, err := p.render(s.value)
	if err != nil || slices.EqualFunc(now, s.values, sameOld) {
		return changes, err
	}
	// The copy shares something that was changed in place, or lacks something. What was
	// rendered in time is right; it does not have what is sensitive.
	created, err := p.creation(after)
	if err != nil {
		return nil, err
	}
	masked := func(c audit.Change) bool { return !c.Redacted }
	return append(merge(s.values, created), slices.DeleteFunc(changes, masked)...), nil
}

// merge returns the changes from what was removed to what was created, without those
// that are masked.
func merge(removed, created []audit.Change) []audit.Change {
	var merged []audit.Change
	after := make(map[string]attribute.Value, len(created))
	for _, c := range created {
		after[c.Field] = c.New
	}
	before := make(map[string]bool, len(removed))
	for _, c := range removed {
		before[c.Field] = true
		c.New = after[c.Field]
		if !c.Redacted && !sameValue(c.Old, c.New) {
			merged = append(merged, c)
		}
	}
	for _, c := range created {
		if !c.Redacted && !before[c.Field] {
			merged = append(merged, c)
		}
	}
	return merged
}

func sameOld(a, b audit.Change) bool {
	return a.Field == b.Field && a.Redacted == b.Redacted && sameValue(a.Old, b.Old)
}

// sameValue is by text where == is not enough, as it is for NaN.
func sameValue(a, b attribute.Value) bool {
	return a.Type() == b.Type() && (a == b || a.String() == b.String())
}

// recordsNothing reports whether tags, and no rules, leave nothing of T to record.
func recordsNothing(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer && t.Elem() != t {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !traitsOf(t).tagged
}

// isNil reports whether there is no value behind value.
func isNil[T any](value T) bool {
	v := reflect.ValueOf(&value).Elem()
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return true
		}
		v = v.Elem()
	}
	return v.Kind() == reflect.Map && v.IsNil()
}
