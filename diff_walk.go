package audit

import (
	"reflect"
	"strconv"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// maxDepth bounds how deep values are nested.
const maxDepth = 32

// freeSteps is how many parts a walk looks at before it remembers where it was.
// Only values that refer to each other crosswise have so many: each of the many
// paths through them would be walked, without end in sight.
const freeSteps = 100_000

// diff returns the changes between what two pointers to a t point to; nil is
// absent.
func (p *planner) diff(t reflect.Type, before, after reflect.Value) ([]Change, error) {
	if err := p.checkBoth(t, before, after); err != nil {
		return nil, err
	}
	w := walker{planner: p, path: make([]byte, 0, 64)}
	w.walk(before, after, optIn{rules: p.rules, level: optTags})
	return w.changes, nil
}

// checkBoth checks t, or what an interface t holds.
func (p *planner) checkBoth(t reflect.Type, before, after reflect.Value) error {
	if t = pointee(t); t.Kind() != reflect.Interface {
		return p.check(t)
	}
	for _, v := range []reflect.Value{before, after} {
		if v, _ = follow(v); v.IsValid() {
			if err := p.check(v.Type()); err != nil {
				return err
			}
		}
	}
	return nil
}

// walker goes through two values side by side.
type walker struct {
	planner *planner
	path    []byte // of the field that it is at
	depth   int
	// What both sides came through, to notice cycles.
	oldTrail, newTrail trail
	steps              int
	walked             map[pair]bool // beyond freeSteps: whether there were changes
	changes            []Change
}

// pair identifies two values behind pointers, and what is opted in of them.
type pair struct {
	before, after ref
	rules         *ruleNode
	level         optLevel
}

func (w *walker) walk(before, after reflect.Value, in optIn) {
	if in.sensitive {
		w.walkSensitive(before, after)
		return
	}
	if identical(before, after) {
		return
	}
	oldMark, newMark := len(w.oldTrail), len(w.newTrail)
	a, b := w.sideOf(before, in, &w.oldTrail), w.sideOf(after, in, &w.newTrail)
	if w.steps++; w.steps <= freeSteps {
		w.walkSides(a, b, in)
	} else {
		w.walkOnce(a, b, in, pair{w.oldTrail.lastSince(oldMark), w.newTrail.lastSince(newMark), in.rules, in.level})
	}
	w.oldTrail, w.newTrail = w.oldTrail[:oldMark], w.newTrail[:newMark]
}

func (w *walker) walkSides(a, b side, in optIn) {
	if a.form == formList && b.list || a.list && b.form == formList {
		a.form, b.form = formList, formList
	}
	if a.form != formAbsent && b.form != formAbsent && (a.form != b.form || a.plan != b.plan) {
		w.walkSides(a, side{}, in)
		w.walkSides(side{}, b, in)
		return
	}
	w.depth++
	switch max(a.form, b.form) {
	case formSingle:
		if !a.equal(b) {
			w.add(Change{Old: a.record(), New: b.record()})
		}
	case formStruct:
		w.walkStruct(a, b)
	case formList:
		w.walkList(a, b, in)
	case formKeyed, formMap:
		w.walkMembers(a.members, b.members)
	default:
	}
	w.depth--
}

// walkOnce walks what is behind a pair for the first time only. After that its
// changes, if there are any, stand under another path.
func (w *walker) walkOnce(a, b side, in optIn, p pair) {
	changed, known := w.walked[p]
	switch {
	case max(a.form, b.form) <= formSingle, p.before == ref{} && p.after == ref{}:
		w.walkSides(a, b, in)
	case !known:
		before := len(w.changes)
		w.walkSides(a, b, in)
		if w.walked == nil {
			w.walked = make(map[pair]bool)
		}
		w.walked[p] = len(w.changes) > before
	case changed:
		a.why, b.why = whyShared, whyShared
		w.add(Change{Old: a.record(), New: b.record()})
	}
}

func (w *walker) walkStruct(a, b side) {
	by := a.plan
	if by == nil {
		by = b.plan
	}
	for i := range by.fields {
		f := &by.fields[i]
		w.walkPart(f.name, f.of(a.value), f.of(b.value), f.optIn)
	}
}

func (w *walker) walkList(a, b side, in optIn) {
	for i := range max(a.len(), b.len()) {
		mark := w.enter()
		w.path = strconv.AppendInt(w.path, int64(i), 10)
		w.walk(a.at(i), b.at(i), in)
		w.path = w.path[:mark]
	}
}

// walkMembers goes through two lists in the order of the names.
func (w *walker) walkMembers(a, b []member) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].name < b[0].name:
			w.walkPart(a[0].name, a[0].value, reflect.Value{}, a[0].optIn)
			a = a[1:]
		case len(a) == 0 || b[0].name < a[0].name:
			w.walkPart(b[0].name, reflect.Value{}, b[0].value, b[0].optIn)
			b = b[1:]
		default:
			w.walkPart(a[0].name, a[0].value, b[0].value, a[0].optIn)
			a, b = a[1:], b[1:]
		}
	}
}

// walkPart walks what is at name below the path.
func (w *walker) walkPart(name string, before, after reflect.Value, in optIn) {
	mark := w.enter()
	if name == "" {
		name = `""` // an empty key would read as no key
	}
	w.path = append(w.path, name...)
	w.walk(before, after, in)
	w.path = w.path[:mark]
}

// enter makes the path ready for a name, and returns its length before that.
func (w *walker) enter() int {
	mark := len(w.path)
	if mark > 0 {
		w.path = append(w.path, '.')
	}
	return mark
}

// walkSensitive records that something changed, and whether it was there.
func (w *walker) walkSensitive(before, after reflect.Value) {
	before, after = present(before), present(after)
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

// present returns what v holds, or the zero Value for what counts as nothing.
func present(v reflect.Value) reflect.Value {
	v, _ = follow(v)
	if isNil(v) || v.Kind() == reflect.Map && v.Len() == 0 {
		return reflect.Value{}
	}
	if shapeOf(v.Type()) == shapeValuer {
		if held, ok := unwrap(v); ok {
			return held
		}
	}
	return v
}

func (w *walker) add(c Change) {
	c.Field = string(w.path)
	if c.Field == "" {
		c.Field = "*" // a map that is all there is, and has keys that are the same
	}
	w.changes = append(w.changes, c)
}

// identical reports whether both values are the same pointer, map or slice, so
// that what they hold cannot differ.
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
