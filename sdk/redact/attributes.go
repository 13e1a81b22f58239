package redact

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/sorted"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Attributes returns a redacted copy of kvs, and the paths of what was redacted, which
// start with prefix.
func (d *Redactor) Attributes(prefix string, kvs []attribute.KeyValue) (clean []attribute.KeyValue, redacted []string) {
	var r record.Record
	clean = d.metadata(&r, prefix, slices.Clone(kvs))
	return clean, sortPaths(r.Redacted)
}

// metadata redacts kvs in place, and returns those that are left.
func (d *Redactor) metadata(r *record.Record, parent string, kvs []attribute.KeyValue) []attribute.KeyValue {
	for i := range kvs {
		if !d.isHarmless(&kvs[i]) {
			return d.metadataFrom(i, r, parent, kvs)
		}
	}
	return kvs // the usual case
}

// isHarmless reports whether kv is a text, a number or a boolean without a secret.
func (d *Redactor) isHarmless(kv *attribute.KeyValue) bool {
	if !d.plain || d.decide(string(kv.Key)) != (keyDecision{}) {
		return false
	}
	switch kv.Value.Type() {
	case attribute.STRING:
		text := kv.Value.AsString()
		seek := survey(text, true)
		return (seek == 0 || len(d.findSecrets(text, seek)) == 0) && !d.isForged(text)
	case attribute.INT64:
		return isShortNumber(float64(kv.Value.AsInt64()))
	case attribute.FLOAT64:
		return isShortNumber(kv.Value.AsFloat64())
	case attribute.BOOL:
		return true
	default:
		return false
	}
}

// metadataFrom does what metadata does. The elements of kvs before first are harmless.
func (d *Redactor) metadataFrom(first int, r *record.Record, parent string, kvs []attribute.KeyValue) []attribute.KeyValue {
	removed, renamed := false, false
	for i := first; i < len(kvs); i++ {
		kv := &kvs[i]
		if i > first && d.isHarmless(kv) {
			continue
		}
		decision := d.decide(string(kv.Key))
		if decision.leaks {
			before := sanitize.FieldPath(parent, string(kv.Key))
			kv.Key, renamed = d.cleanKey(kv.Key, i), true
			after := sanitize.FieldPath(parent, string(kv.Key))
			addRedacted(r, after)
			moveMarks(r, before, after)
		}
		if d.config.only != nil && parent != pathResource && !d.config.only[string(kv.Key)] {
			decision = keyDecision{strategy: &d.config.strategy}
		}
		if decision.allowed {
			continue
		}
		at := place{record: r, path: sanitize.FieldPath(parent, string(kv.Key)), field: parent + "." + string(kv.Key)}
		if clean, changed := d.value(&at, decision, kv.Value); changed {
			if clean.Type() == attribute.EMPTY {
				kv.Key, removed = "", true
			}
			kv.Value = clean
		}
	}
	if removed {
		kvs = slices.DeleteFunc(kvs, func(kv attribute.KeyValue) bool { return kv.Key == "" })
	}
	if renamed {
		slices.SortFunc(kvs, sorted.CompareKeys)
	}
	return kvs
}

// value redacts a value of any type, then calls the functions of WithRedactorFunc.
func (d *Redactor) value(at *place, decision keyDecision, v attribute.Value) (attribute.Value, bool) {
	clean, changed := d.keyed(at, decision, v, 0)
	for _, f := range d.config.custom {
		if c, ch := callRedactor(f, customPath(at.path), clean); ch {
			clean, changed = c, true
			at.redacted()
		}
	}
	return clean, changed
}

// customPath returns the path that the functions of WithRedactorFunc get. What holds for
// metadata holds for metadata that was overridden.
func customPath(path string) string {
	if rest, ok := strings.CutPrefix(path, pathOverridden); ok && rest != "" {
		return pathMetadata + rest
	}
	return path
}

// place is the position of a value in a record. For the elements of maps, text builds the
// path from parent and key when it is needed.
type place struct {
	record *record.Record // nil if parent is set
	path   string         // empty if parent is set
	parent *place
	key    string // key in the parent
	field  string // the whole path for a sealer: with keys as they are, and the side of a change; empty if parent is set

	erasable bool // the value is about to become erasable as a whole
}

// isInErasable reports whether an enclosing value becomes erasable as a whole.
func (p *place) isInErasable() bool {
	for ; p != nil; p = p.parent {
		if p.erasable {
			return true
		}
	}
	return false
}

// redacted adds the path to Record.Redacted.
func (p *place) redacted() {
	addRedacted(p.root(), p.text())
}

func (p *place) root() *record.Record {
	for p.parent != nil {
		p = p.parent
	}
	return p.record
}

// whole returns the path for a sealer.
func (p *place) whole() string {
	if p.parent == nil {
		return p.field
	}
	return p.parent.whole() + "." + p.key
}

func (p *place) text() string {
	if p.parent == nil {
		return p.path
	}
	return sanitize.FieldPath(p.parent.text(), p.key)
}

// keyed redacts the value of a key according to the decision.
func (d *Redactor) keyed(at *place, decision keyDecision, v attribute.Value, depth int) (attribute.Value, bool) {
	if decision.strategy == nil {
		return d.inside(at, v, depth)
	}
	if sealer := decision.strategy.sealer; sealer != nil {
		if at.isInErasable() {
			return d.inside(at, v, depth)
		}
		return d.erasable(at, sealer, v, depth)
	}
	clean, changed := decision.strategy.apply(v)
	if changed {
		at.redacted()
	}
	return clean, changed
}

// callRedactor calls a function of WithRedactorFunc. A panic masks the value.
func callRedactor(f func(string, attribute.Value) (attribute.Value, bool), path string, v attribute.Value) (clean attribute.Value, changed bool) {
	returned := false
	defer func() {
		if !returned {
			_ = recover()
			clean, changed = attribute.StringValue(record.RedactedText), true
		}
	}()
	clean, changed = f(path, v)
	returned = true
	if !changed {
		clean = v
	}
	return clean, changed
}

// inside searches a value for secrets whose key does not name one.
func (d *Redactor) inside(at *place, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	switch v.Type() {
	case attribute.SLICE, attribute.MAP:
		if depth > maxRedactDepth {
			at.redacted()
			return attribute.StringValue(record.RedactedText), true
		}
		if v.Type() == attribute.MAP {
			return d.mapping(at, v, depth)
		}
		return d.slice(at, v, depth)
	default:
		if clean, changed = d.leaf(v); changed {
			at.redacted()
		}
		return clean, changed
	}
}

// leaf searches the texts of a value that is neither a map nor a slice of values.
func (d *Redactor) leaf(v attribute.Value) (attribute.Value, bool) {
	switch v.Type() {
	case attribute.STRING:
		if clean, changed := d.clean(v.AsString(), true); changed {
			return attribute.StringValue(clean), true
		}
	case attribute.BYTESLICE:
		if clean, changed := d.clean(string(v.AsByteSlice()), true); changed {
			return attribute.ByteSliceValue([]byte(clean)), true
		}
	case attribute.STRINGSLICE:
		texts, changed := v.AsStringSlice(), false
		isSecret := false // whether the element before is a flag: --password
		arguments := d.arguments(texts)
		for i, text := range texts {
			clean, ch := d.clean(text, true)
			if len(arguments) > 0 && arguments[i] != text {
				clean, ch = arguments[i], true
			}
			if isSecret && text != "" {
				clean, ch = d.config.strategy.text(text), true
			}
			isSecret = d.isFlag(text)
			texts[i], changed = clean, changed || ch
		}
		if changed {
			return attribute.StringSliceValue(texts), true
		}
	case attribute.INT64, attribute.FLOAT64:
		return d.number(v)
	case attribute.INT64SLICE, attribute.FLOAT64SLICE:
		return d.numbers(v)
	default: // booleans
	}
	return v, false
}

func (d *Redactor) slice(at *place, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	values := v.AsSlice()
	isSecret, pairs := false, arePairs(values)
	var arguments []string
	if slices.ContainsFunc(values, func(e attribute.Value) bool { return e.Type() == attribute.STRING && isCommand(e.AsString()) }) {
		arguments = d.arguments(asTexts(values))
	}
	for i, element := range values {
		var c attribute.Value
		var ch bool
		switch {
		case isSecret:
			c, ch = d.keyed(at, keyDecision{strategy: &d.config.strategy}, element, depth+1)
		case pairs:
			c, ch = d.pair(at, element, depth+1)
		case len(arguments) > 0 && arguments[i] != element.AsString():
			at.redacted()
			c, ch = attribute.StringValue(arguments[i]), true
		default:
			c, ch = d.inside(at, element, depth+1)
		}
		isSecret = element.Type() == attribute.STRING && d.isFlag(element.AsString())
		values[i], changed = c, changed || ch
	}
	if changed {
		v = attribute.SliceValue(values...)
	}
	return v, changed
}

func (d *Redactor) mapping(at *place, v attribute.Value, depth int) (clean attribute.Value, changed bool) {
	kvs := v.AsMap()
	named := d.named(kvs)
	left := kvs[:0]
	for i, kv := range kvs {
		decision := d.decide(string(kv.Key))
		if decision.strategy == nil && !decision.allowed && isValueKey(string(kv.Key)) {
			decision.strategy = named
		}
		inner := place{parent: at, key: string(kv.Key)}
		if decision.leaks {
			kv.Key, changed = d.cleanKey(kv.Key, i), true
			inner.key = string(kv.Key)
			inner.redacted()
		}
		if !decision.allowed {
			c, ch := d.keyed(&inner, decision, kv.Value, depth+1)
			if changed = changed || ch; ch && c.Type() == attribute.EMPTY {
				continue // removed
			}
			kv.Value = c
		}
		left = append(left, kv)
	}
	if changed {
		v = attribute.MapValue(left...)
	}
	return v, changed
}

// cleanKey returns the replacement of a key that contains a secret. The place makes it
// unique.
func (d *Redactor) cleanKey(key attribute.Key, place int) attribute.Key {
	clean, _ := d.clean(string(key), true)
	return attribute.Key(clean + "." + strconv.Itoa(place))
}
