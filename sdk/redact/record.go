package redact

import (
	"slices"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/fingerprint"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// The paths of attributes.
const (
	pathMetadata   = "metadata"
	pathOverridden = "overridden"
	pathResource   = "resource"
)

// Redact redacts r in place, except for the resource, which records share: see
// [Redactor.Attributes].
//
// What looks like a token of [HMAC] already may have been typed by a client. As the value
// of a key it gets a token of its own, and within a text it is masked. So a record whose
// tokens must stay must not be redacted again.
func (d *Redactor) Redact(r *record.Record) {
	if len(r.Redacted) > 0 { // a processor has added paths
		r.Redacted = slices.Clone(d.paths(r.Redacted)) // they may be shared
	}
	d.action(r, "action", &r.Action)
	for a, depth := &r.Actor, 0; a != nil; a, depth = a.OnBehalfOf, depth+1 {
		d.actor(r, a, depth)
	}
	d.word(r, "target.type", &r.Target.Type)
	d.text(r, "target.id", &r.Target.ID, false)
	d.text(r, "target.name", &r.Target.Name, true)
	for i := range r.Covers {
		d.covered(r, i)
	}
	d.text(r, "reason", &r.Reason, true)
	d.text(r, "failure", &r.Failure, true)
	d.text(r, "bulk.selector", &r.Bulk.Selector, true)
	for i := range r.Bulk.Sample {
		d.text(r, "bulk.sample", &r.Bulk.Sample[i], false)
	}
	d.text(r, "tenant", &r.Tenant, false)
	d.text(r, "channel", &r.Channel, false)
	d.word(r, "tracker.name", &r.Tracker.Name)
	d.word(r, "tracker.version", &r.Tracker.Version)
	for i := range r.Changes {
		d.change(r, &r.Changes[i])
	}
	r.Metadata = d.metadata(r, pathMetadata, r.Metadata)
	if len(r.Overridden) > 0 {
		r.Overridden = d.metadata(r, pathOverridden, r.Overridden)
	}
	if len(r.Marks) > 0 {
		r.Marks = d.marks(r.Marks)
	}
	if d.config.byField != nil {
		d.fields(r)
	}
	r.Redacted = sortPaths(r.Redacted)
}

// addRedacted adds a path to Record.Redacted, which sortPaths sorts when all are there: a client
// may cause very many.
func addRedacted(r *record.Record, path string) { r.Redacted = append(r.Redacted, path) }

// sortPaths sorts paths in place, and returns them without duplicates.
func sortPaths(paths []string) []string {
	if len(paths) < 2 {
		return paths
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// actor redacts the actor at the given depth of an OnBehalfOf chain.
func (d *Redactor) actor(r *record.Record, a *audit.Actor, depth int) {
	if !d.isShort(a.ID) && d.replace(&a.ID, false) {
		addRedacted(r, sanitize.ActorPath(depth, "id"))
	}
	if !d.isShort(a.Name) && d.replace(&a.Name, true) {
		addRedacted(r, sanitize.ActorPath(depth, "name"))
	}
	if !d.isShort(a.AuthMethod) && d.replaceWord(&a.AuthMethod) {
		addRedacted(r, sanitize.ActorPath(depth, "auth_method"))
	}
	if !d.isShort(a.SessionID) && !fingerprint.Valid(a.SessionID) && d.replace(&a.SessionID, false) {
		addRedacted(r, sanitize.ActorPath(depth, "session_id"))
	}
	for i := range a.Roles {
		if !d.isShort(a.Roles[i]) && d.replaceWord(&a.Roles[i]) {
			addRedacted(r, sanitize.ActorPath(depth, "roles"))
		}
	}
}

// covered redacts one of Record.Covers.
func (d *Redactor) covered(r *record.Record, i int) {
	t := &r.Covers[i]
	add := func(field string) { addRedacted(r, "covers["+strconv.Itoa(i)+"]."+field) }
	if d.replaceWord(&t.Type) {
		add("type")
	}
	if d.replace(&t.ID, false) {
		add("id")
	}
	if d.replace(&t.Name, true) {
		add("name")
	}
}

// text redacts a text that has no key. It searches for card numbers only if numbers is
// true.
func (d *Redactor) text(r *record.Record, path string, text *string, numbers bool) {
	if !d.plain || len(*text) >= minSecretText { // inlined
		d.longText(r, path, text, numbers)
	}
}

func (d *Redactor) longText(r *record.Record, path string, text *string, numbers bool) {
	if d.replace(text, numbers) {
		addRedacted(r, path)
	}
}

// word redacts a text of which a program has few, like a key.
func (d *Redactor) word(r *record.Record, path string, text *string) {
	if !d.plain || len(*text) >= minSecretText { // inlined
		d.longWord(r, path, text)
	}
}

func (d *Redactor) longWord(r *record.Record, path string, text *string) {
	if d.replaceWord(text) {
		addRedacted(r, path)
	}
}

// isShort reports whether a text is too short for a secret.
func (d *Redactor) isShort(text string) bool { return d.plain && len(text) < minSecretText }

// replace does what text does, without a path.
func (d *Redactor) replace(text *string, numbers bool) (changed bool) {
	clean, changed := d.clean(*text, numbers)
	if changed {
		*text = clean
	}
	return changed
}

// replaceWord does what word does, without a path.
func (d *Redactor) replaceWord(text *string) (changed bool) {
	return d.decide(*text).leaks && d.replace(text, true)
}

// redactedAction replaces an action that contains a secret, because a mask is no action.
const redactedAction = "redacted"

func (d *Redactor) action(r *record.Record, path string, action *string) {
	if d.isShort(*action) || !d.replaceWord(action) {
		return
	}
	addRedacted(r, path)
	if !record.ValidAction(*action) {
		*action = redactedAction
	}
}

func (d *Redactor) change(r *record.Record, c *audit.Change) {
	decision := d.decide(c.Field)
	if decision.leaks { // the key of a map may contain a secret
		before := sanitize.FieldPath("changes", c.Field)
		c.Field, _ = d.clean(c.Field, true)
		addRedacted(r, "changes.field")
		moveMarks(r, before, sanitize.FieldPath("changes", c.Field))
	}
	if decision.allowed && !c.Redacted {
		return
	}
	path := sanitize.FieldPath("changes", c.Field)
	redacted := false
	for _, side := range [...]*attribute.Value{&c.Old, &c.New} {
		var clean attribute.Value
		var changed bool
		switch {
		case side.Type() == attribute.EMPTY:
			continue // there is no value
		case c.Redacted:
			if clean, changed = d.hidden(decision, *side); changed {
				addRedacted(r, path)
			}
		default:
			clean, changed = d.value(&place{record: r, path: path, field: sideOf(c, side)}, decision, *side)
			changed = changed && !isSealed(decision, clean)
		}
		*side = clean
		redacted = redacted || changed
	}
	if redacted {
		c.Redacted = c.Redacted || decision.strategy != nil
	}
}

// hidden returns what replaces the value of a change that says it is redacted. Only the
// mask itself stays.
func (d *Redactor) hidden(decision keyDecision, v attribute.Value) (clean attribute.Value, changed bool) {
	strategy := decision.strategy
	if strategy == nil {
		strategy = &d.config.strategy
	}
	switch {
	case v.Type() == attribute.STRING && v.AsString() == record.RedactedText:
		return v, false
	case strategy.remove:
		return attribute.Value{}, true
	}
	return attribute.StringValue(strategy.text(v.String())), true
}

// marks redacts the paths and the kinds of marks.
func (d *Redactor) marks(marks []mark.Mark) []mark.Mark {
	leaks := func(m mark.Mark) bool { return d.decide(m.Path).leaks || d.decide(string(m.Kind)).leaks }
	if !slices.ContainsFunc(marks, leaks) {
		return marks
	}
	var clean record.Record // sorts them again
	for _, m := range marks {
		m.Path, _ = d.clean(m.Path, true)
		if d.decide(string(m.Kind)).leaks {
			m.Kind = redactedAction
		}
		clean.AddMark(m)
	}
	return clean.Marks
}

// paths redacts the paths of what was redacted.
func (d *Redactor) paths(paths []string) []string {
	if !slices.ContainsFunc(paths, func(path string) bool { return d.decide(path).leaks }) {
		return paths
	}
	clean := make([]string, len(paths))
	for i, path := range paths {
		clean[i], _ = d.clean(path, true)
	}
	return sortPaths(clean)
}

// moveMarks makes the marks of a value follow it to another path.
func moveMarks(r *record.Record, from, to string) {
	if !slices.ContainsFunc(r.Marks, func(m mark.Mark) bool { return m.Path == from }) {
		return
	}
	marks := r.Marks
	r.Marks = nil // records may share them
	for _, m := range marks {
		if m.Path == from {
			m.Path = to
		}
		r.AddMark(m)
	}
}
