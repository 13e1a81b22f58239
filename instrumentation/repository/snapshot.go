package auditrepo

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"go.opentelemetry.io/otel/attribute"
)

// snapshotter keeps values as they were before a write, and diffs them with the values
// after it. A store may change in place what its Get returned, so keeping only the
// returned value is not enough.
type snapshotter[T any] struct {
	clone   func(T) T
	options []diff.Option
	plain   bool // values of T need no copy: they share nothing, or no part of them is recorded
}

func newSnapshotter[T any](clone func(T) T, options []diff.Option) (*snapshotter[T], error) {
	t := reflect.TypeFor[T]()
	p := &snapshotter[T]{clone: clone, options: options, plain: isPlain(t) || len(options) == 0 && recordsNothing(t)}
	if p.plain || clone != nil {
		return p, nil
	}
	all := len(options) > 0 // the options may add fields, and cannot be inspected
	if name := findUncopyable(t, all, nil); name != "" {
		return nil, fmt.Errorf("auditrepo: Config.Clone is required: %s embeds a pointer to an unexported type, which only its own package can copy", name)
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
	copied bool           // value is a copy that may still share data with the original
	values []audit.Change // if copied, the recorded fields at the time of the snapshot
}

// take takes a snapshot. Call it before the value can change.
func (p *snapshotter[T]) take(value T) (*snapshot[T], error) {
	if p.plain || isNil(value) {
		return &snapshot[T]{value: value}, nil
	}
	values, err := p.render(value)
	if err != nil {
		return nil, err
	}
	return &snapshot[T]{value: p.clone(value), copied: true, values: values}, nil
}

// render returns the recorded fields of a value as changes that delete it.
func (p *snapshotter[T]) render(value T) ([]audit.Change, error) {
	return audit.Diff[*T](&value, nil, p.options...)
}

// diffDeleted returns the changes of a deletion.
func (p *snapshotter[T]) diffDeleted(before *snapshot[T]) ([]audit.Change, error) {
	if before.copied {
		return before.values, nil
	}
	return p.render(before.value)
}

// diffCreated returns the changes of a creation.
func (p *snapshotter[T]) diffCreated(after T) ([]audit.Change, error) {
	return audit.Diff[*T](nil, &after, p.options...)
}

// diff returns the changes from before to after.
func (p *snapshotter[T]) diff(before *snapshot[T], after T) ([]audit.Change, error) {
	changes, err := audit.Diff(before.value, after, p.options...)
	if err != nil || !before.copied {
		return changes, err
	}
	now, err := p.render(before.value)
	if err != nil || slices.EqualFunc(now, before.values, sameOldValue) {
		return changes, err
	}
	// The copy shares data that was changed in place, or lacks a field. The values that
	// were rendered in time are correct, but don't show whether a masked field changed.
	created, err := p.diffCreated(after)
	if err != nil {
		return nil, err
	}
	notMasked := func(c audit.Change) bool { return !c.Redacted }
	return append(mergeChanges(before.values, created), slices.DeleteFunc(changes, notMasked)...), nil
}

// mergeChanges returns the changes from a deleted value to a created one, without masked
// fields.
func mergeChanges(deleted, created []audit.Change) []audit.Change {
	var merged []audit.Change
	after := make(map[string]attribute.Value, len(created))
	for _, c := range created {
		after[c.Field] = c.New
	}
	before := make(map[string]bool, len(deleted))
	for _, c := range deleted {
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

func sameOldValue(a, b audit.Change) bool {
	return a.Field == b.Field && a.Redacted == b.Redacted && sameValue(a.Old, b.Old)
}

// sameValue also compares texts, since NaN != NaN.
func sameValue(a, b attribute.Value) bool {
	return a.Type() == b.Type() && (a == b || a.String() == b.String())
}

// recordsNothing reports whether T is a struct without audit tags, of which nothing is
// recorded unless options add fields.
func recordsNothing(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer && t.Elem() != t {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !traitsOf(t).tagged
}

// isNil reports whether value is nil, or a pointer or interface that leads to nil.
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
