package diff

import (
	"reflect"
	"strconv"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// maxUntrackedSteps is how many values a walk visits before it remembers them.
// Only values with many references to each other have so many: there are too many
// paths through them to walk each one.
const maxUntrackedSteps = 100_000

// walker walks two values side by side.
type walker struct {
	planner *planner
	changes []Change
	path    []byte // of the current values
	depth   int
	// The references on the way to the current values.
	oldRefs, newRefs refStack
	steps            int
	walked           map[pair]bool // after maxUntrackedSteps: whether there were changes
}

// pair identifies two values by reference, and what is opted in of them.
type pair struct {
	before, after ref
	rules         *ruleNode
	level         level
}

func (w *walker) walk(before, after reflect.Value, s selection) {
	if s.sensitive {
		w.walkSensitive(before, after)
		return
	}
	if identical(before, after) {
		return
	}
	oldLen, newLen := len(w.oldRefs), len(w.newRefs)
	a := w.planner.sideOf(before, s, &w.oldRefs, w.depth)
	b := w.planner.sideOf(after, s, &w.newRefs, w.depth)
	if w.steps++; w.steps <= maxUntrackedSteps {
		w.walkSides(a, b, s)
	} else {
		w.walkOnce(a, b, s, pair{w.oldRefs.topAbove(oldLen), w.newRefs.topAbove(newLen), s.rules, s.level})
	}
	w.oldRefs, w.newRefs = w.oldRefs[:oldLen], w.newRefs[:newLen]
}

func (w *walker) walkSides(a, b side, s selection) {
	if a.form == formList && b.listOfAny || a.listOfAny && b.form == formList {
		a.form, b.form = formList, formList
	}
	if a.form != formAbsent && b.form != formAbsent && (a.form != b.form || a.plan != b.plan) {
		w.walkSides(a, side{}, s)
		w.walkSides(side{}, b, s)
		return
	}
	w.depth++
	switch max(a.form, b.form) {
	case formSingle:
		if !a.equal(b) {
			w.add(Change{Old: a.recorded(), New: b.recorded()})
		}
	case formStruct:
		w.walkStruct(a, b)
	case formList:
		w.walkList(a, b, s)
	case formKeyed, formMap:
		w.walkMembers(a.members, b.members)
	default:
	}
	w.depth--
}

// walkOnce walks a pair of references the first time only. After that it records
// that the pair changed, if it did: the changes are under another path.
func (w *walker) walkOnce(a, b side, s selection, p pair) {
	changed, found := w.walked[p]
	switch {
	case max(a.form, b.form) <= formSingle, p.before == ref{} && p.after == ref{}:
		w.walkSides(a, b, s)
	case !found:
		before := len(w.changes)
		w.walkSides(a, b, s)
		if w.walked == nil {
			w.walked = make(map[pair]bool)
		}
		w.walked[p] = len(w.changes) > before
	case changed:
		a.reason, b.reason = reasonShared, reasonShared
		w.add(Change{Old: a.recorded(), New: b.recorded()})
	}
}

func (w *walker) walkStruct(a, b side) {
	plan := a.plan
	if plan == nil {
		plan = b.plan
	}
	for i := range plan.fields {
		f := &plan.fields[i]
		w.walkNamed(f.name, f.valueIn(a.value), f.valueIn(b.value), f.selected)
	}
}

func (w *walker) walkList(a, b side, s selection) {
	for i := range max(a.len(), b.len()) {
		parent := w.extendPath()
		w.path = strconv.AppendInt(w.path, int64(i), 10)
		w.walk(a.at(i), b.at(i), s)
		w.path = w.path[:parent]
	}
}

// walkMembers walks two lists of members, both sorted by name.
func (w *walker) walkMembers(a, b []member) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].name < b[0].name:
			w.walkNamed(a[0].name, a[0].value, reflect.Value{}, a[0].selected)
			a = a[1:]
		case len(a) == 0 || b[0].name < a[0].name:
			w.walkNamed(b[0].name, reflect.Value{}, b[0].value, b[0].selected)
			b = b[1:]
		default:
			w.walkNamed(a[0].name, a[0].value, b[0].value, a[0].selected)
			a, b = a[1:], b[1:]
		}
	}
}

// walkNamed walks the values with that name below the current path.
func (w *walker) walkNamed(name string, before, after reflect.Value, s selection) {
	parent := w.extendPath()
	if name == "" {
		name = `""` // an empty key would read as no key
	}
	w.path = append(w.path, name...)
	w.walk(before, after, s)
	w.path = w.path[:parent]
}

// extendPath appends a dot to the path unless it is empty, and returns the length
// to cut it back to.
func (w *walker) extendPath() (parent int) {
	parent = len(w.path)
	if parent > 0 {
		w.path = append(w.path, '.')
	}
	return parent
}

// walkSensitive records that a value changed, appeared or disappeared, without the
// values.
func (w *walker) walkSensitive(before, after reflect.Value) {
	before, after = sensitiveValue(before), sensitiveValue(after)
	if equal(before, after) {
		return
	}
	c := Change{Redacted: true}
	if before.IsValid() {
		c.Old = attribute.StringValue(values.Redacted)
	}
	if after.IsValid() {
		c.New = attribute.StringValue(values.Redacted)
	}
	w.add(c)
}

// sensitiveValue returns the value in v, or the zero Value for one that is recorded
// as EMPTY: nil, an empty map and a driver.Valuer of nil.
func sensitiveValue(v reflect.Value) reflect.Value {
	v, _ = values.Indirect(v)
	if values.IsNil(v) || v.Kind() == reflect.Map && v.Len() == 0 {
		return reflect.Value{}
	}
	if values.ShapeOf(v.Type()) == values.ShapeValuer {
		if inner, ok := values.Unwrap(v); ok {
			return inner
		}
	}
	return v
}

func (w *walker) add(c Change) {
	c.Field = string(w.path)
	if c.Field == "" {
		c.Field = "*" // a map at the root whose keys have the same text
	}
	w.changes = append(w.changes, c)
}

// identical reports whether both values are the same pointer, map or slice, and so
// have no changes.
func identical(a, b reflect.Value) bool {
	if a.Kind() == reflect.Interface && b.Kind() == reflect.Interface {
		a, b = a.Elem(), b.Elem()
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return b.IsValid() && a.Type() == b.Type() && refOf(a) == refOf(b)
	default:
		return false
	}
}
