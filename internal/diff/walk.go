package diff

import (
	"cmp"
	"reflect"
	"strconv"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// maxUntrackedSteps is how many values a walk visits before it remembers them.
// Only values with many references to each other have so many: there are too many
// paths through them to walk each one.
const maxUntrackedSteps = 100_000

// The limits of one diff. What is beyond them is recorded as one change, see addTruncated.
const (
	maxChanges  = 1000
	maxSteps    = 1_000_000 // visited values
	maxCompared = 1_000_000 // parts of single values that are compared
	maxElements = 100_000   // of one list or map that is walked
)

// walker walks two values side by side.
type walker struct {
	planner *planner
	changes []Change
	before  int    // the changes of other diffs before the first one
	path    []byte // of the current values
	depth   int
	// What NotLoaded says, and whether the old value at the current path is not known.
	notLoaded        map[string]bool
	created, deleted bool
	oldUnknown       bool
	compared         int // counts toward maxCompared
	truncated        bool
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
	switch {
	case w.truncated:
		return
	case w.notLoaded[string(w.path)] && w.walkNotLoaded(before, after, s):
		return
	case s.sensitive:
		w.walkSensitive(before, after, s)
		return
	case identical(before, after):
		return
	}
	oldLen, newLen := len(w.oldRefs), len(w.newRefs)
	a := w.planner.sideOf(before, s, &w.oldRefs, w.depth)
	b := w.planner.sideOf(after, s, &w.newRefs, w.depth)
	switch w.steps++; {
	case w.steps > maxSteps:
		w.truncated = true
	case w.steps <= maxUntrackedSteps:
		w.walkSides(a, b, s)
	default:
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
	case formAbsent:
	case formSingle:
		if !w.equal(a, b, s) {
			w.add(Change{Old: a.recorded(), New: b.recorded()})
		}
	default:
		w.walkParts(a, b, s)
	}
	w.depth--
}

// walkParts walks the parts of two sides of one form. Below the root, a method Equal of
// their type decides whether they changed.
func (w *walker) walkParts(a, b side, s selection) {
	equal, decided := false, false
	if len(w.path) > 0 && a.form == b.form {
		equal, decided = equalByMethod(a.value, b.value)
	}
	if equal {
		return
	}
	before := len(w.changes)
	switch max(a.form, b.form) {
	case formStruct:
		w.walkStruct(a, b, s)
	case formList:
		w.walkList(a, b, s)
	case formKeyed, formMap:
		w.walkMembers(a.members, b.members)
	default:
	}
	if decided && len(w.changes) == before {
		w.add(masked(true, true)) // it differs in what is not recorded
	}
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

func (w *walker) walkStruct(a, b side, s selection) {
	plan := a.plan
	if plan == nil {
		plan = b.plan
	}
	for i := range plan.fields {
		f := &plan.fields[i]
		selected := f.selected
		selected.precision = cmp.Or(selected.precision, s.precision)
		w.walkNamed(f.name, f.valueIn(a.value), f.valueIn(b.value), selected)
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
func (w *walker) walkSensitive(before, after reflect.Value, s selection) {
	before, after = sensitiveValue(before), sensitiveValue(after)
	if !w.equalValues(before, after, s) {
		w.add(masked(before.IsValid(), after.IsValid()))
	}
}

// masked returns a change without values of sides that are present or absent.
func masked(hasOld, hasNew bool) Change {
	c := Change{Redacted: true}
	if hasOld {
		c.Old = attribute.StringValue(values.Redacted)
	}
	if hasNew {
		c.New = attribute.StringValue(values.Redacted)
	}
	return c
}

// sensitiveValue returns the value in v, or the zero Value for one that is recorded
// as EMPTY: nil, an empty list or map, and a driver.Valuer of nil.
func sensitiveValue(v reflect.Value) reflect.Value {
	v, _ = values.Indirect(v)
	if values.IsNil(v) || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0 {
		return reflect.Value{}
	}
	if values.ShapeOf(v.Type()) == values.ShapeValuer {
		if inner, ok := values.Unwrap(v); ok {
			return inner
		}
	}
	return v
}

// wholeValue is the path of changes that concern the whole value.
const wholeValue = "*"

func (w *walker) add(c Change) {
	if len(w.changes)-w.before >= maxChanges {
		w.truncated = true
		return
	}
	c.Field = string(w.path)
	if c.Field == "" {
		c.Field = wholeValue // a map at the root whose keys have the same text
	}
	if w.oldUnknown {
		c.Old = notLoadedIfEmpty(c.Old)
	}
	w.changes = append(w.changes, c)
}

// addTruncated adds a change which says that others are missing, if a limit was reached.
func (w *walker) addTruncated(t reflect.Type) {
	if w.truncated {
		missing := values.NewUnrepresentable(t.String(), reasonLimit)
		w.changes = append(w.changes, Change{Field: wholeValue, Old: missing, New: missing})
	}
}

// equal compares two sides of formSingle or formAbsent.
func (w *walker) equal(a, b side, s selection) bool {
	switch {
	case a.empty() || b.empty():
		return a.empty() && b.empty()
	case a.form != b.form || a.cycle != b.cycle:
		return false
	case a.cycle > 0:
		return true // the walk compares the cycle's start
	default:
		return w.equalValues(a.value, b.value, s)
	}
}

func (w *walker) equalValues(a, b reflect.Value, s selection) bool {
	c := comparer{precision: s.precision, steps: &w.compared}
	return c.equal(a, b, 0)
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
