package limit

import (
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/values"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// What is read of a record. Nothing that fits into one is beyond these limits, because an
// element takes at least two bytes and a change at least twelve.
const (
	maxValue    = record.MaxReadValue // bytes of one value
	maxTotal    = 4 * maxValue        // bytes of all values
	maxElements = record.MaxSize / 2  // elements of lists and maps inside one value
	MaxChanges  = record.MaxSize / 12 // changes, and targets in Covers
	maxRoles    = 1000
)

// maxKeyRead is how much is read of a key, in bytes.
const maxKeyRead = 16 << 10

// maxEdge is how much is masked before the point from which on a text is not read.
const maxEdge = 64 << 10

// Read discards what is far too long to be recorded, unread, so that redaction is bounded.
// What is kept before such an edge may be a part of a secret, so its end is masked. Read
// changes the slices of the record, but not those inside values.
func Read(r *record.Record, maxMetadata int) {
	if isShort(r, maxMetadata) {
		return // the usual case
	}
	d := reader{record: r, total: maxTotal, totalElements: 4 * maxElements}
	d.actor()
	d.target(member("target"), &r.Target)
	d.text(member("reason"), &r.Reason)
	d.text(member("failure"), &r.Failure)
	d.text(member("tenant"), &r.Tenant)
	d.text(member("channel"), &r.Channel)
	covers := member("covers")
	r.Covers = head(&d, covers, r.Covers, MaxChanges)
	for i := range r.Covers {
		d.target(covers.element(i), &r.Covers[i])
	}
	bulk := member("bulk")
	d.text(bulk.member("selector"), &r.Bulk.Selector)
	sample := bulk.member("sample")
	r.Bulk.Sample = head(&d, sample, r.Bulk.Sample, record.MaxSample)
	for i := range r.Bulk.Sample {
		d.text(sample.element(i), &r.Bulk.Sample[i])
	}
	changes := member("changes")
	r.Changes = head(&d, changes, r.Changes, MaxChanges)
	for i := range r.Changes {
		c := &r.Changes[i]
		d.text(changes.member("field"), &c.Field)
		d.attribute(changes, c.Field, &c.Old)
		d.attribute(changes, c.Field, &c.New)
	}
	r.Metadata = d.attributes(member("metadata"), r.Metadata, maxMetadata)
	r.Overridden = d.attributes(member("overridden"), r.Overridden, maxMetadata)
	r.Marks = d.marks.merge(r.Marks)
}

// reader bounds the values of a record.
type reader struct {
	record *record.Record
	marks  marker

	// What may still be read of the value, and of the record: bytes, and elements of lists.
	value, total            int
	elements, totalElements int
}

// head returns the first n elements of the list at a place.
func head[T any](d *reader, at *place, list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	d.marks.drop(at, len(list)-n)
	clear(list[n:])
	return list[:n]
}

// actor bounds the actor and those on whose behalf it acts.
func (d *reader) actor() {
	at := member("actor")
	for depth, a := 0, &d.record.Actor; a != nil; depth, a = depth+1, a.OnBehalfOf {
		if depth == record.MaxDelegation && a.OnBehalfOf != nil {
			a.OnBehalfOf = nil // the chain may be circular, so nobody counts the rest
			d.marks.add(at.member("on_behalf_of"), mark.Mark{Kind: mark.Dropped})
		}
		d.text(at.member("id"), &a.ID)
		d.text(at.member("name"), &a.Name)
		d.text(at.member("auth_method"), &a.AuthMethod)
		d.text(at.member("session_id"), &a.SessionID)
		roles := at.member("roles")
		a.Roles = head(d, roles, a.Roles, maxRoles)
		for i := range a.Roles {
			d.text(roles.element(i), &a.Roles[i])
		}
		at = at.member("on_behalf_of")
	}
}

func (d *reader) target(at *place, t *audit.Target) {
	d.text(at.member("type"), &t.Type)
	d.text(at.member("id"), &t.ID)
	d.text(at.member("name"), &t.Name)
}

// text bounds a text that is a value of its own.
func (d *reader) text(at *place, text *string) {
	d.value = maxValue
	if kept, unread := d.bytes(*text); unread > 0 {
		*text = kept
		d.unread(at, unread)
	}
}

func (d *reader) attributes(at *place, kvs []attribute.KeyValue, limit int) []attribute.KeyValue {
	kvs = head(d, at, kvs, limit)
	for i := range kvs {
		kv := &kvs[i]
		key, unread := d.key(string(kv.Key))
		if unread > 0 {
			kv.Key = attribute.Key(key)
			d.unread(at.key(key), unread)
		}
		d.attribute(at, key, &kv.Value)
	}
	return kvs
}

// key returns what may be read of a key, and how many bytes may not.
func (d *reader) key(key string) (kept string, unread int) {
	n := min(len(key), maxKeyRead, d.total)
	d.total -= n
	if n == len(key) {
		return key, 0
	}
	return maskEdge(key[:n]), len(key) - n
}

// attribute bounds a value of metadata or of a change.
func (d *reader) attribute(parent *place, key string, v *attribute.Value) {
	d.value, d.elements = maxValue, maxElements
	at := parent.key(key)
	kept, unread, changed := d.bound(at, *v, 0)
	if changed {
		*v = kept
	}
	if unread > 0 {
		d.unread(at, unread)
	}
}

func (d *reader) unread(at *place, n int) {
	d.marks.add(at, mark.Mark{Kind: mark.Unread, Length: int64(n)})
	d.record.AddRedacted(at.path()) // the edge is masked
}

// bytes returns what may be read of a text, and how many bytes may not.
func (d *reader) bytes(text string) (kept string, unread int) {
	n := min(len(text), d.value, d.total)
	d.value -= n
	d.total -= n
	if n == len(text) {
		return text, 0
	}
	return maskEdge(text[:n]), len(text) - n
}

// maskEdge masks the end of a text whose rest is not read: the last word, or a part of it
// that is longer than any secret and than what is recorded. The result does not share the
// memory of the text.
func maskEdge(text string) string {
	start := max(0, len(text)-maxEdge)
	if at := strings.LastIndexAny(text[start:], " \t\r\n"); at >= 0 {
		start += at + 1
	}
	return text[:start] + record.RedactedText
}

// bound returns what is read of a value that is inside depth slices and maps.
func (d *reader) bound(at *place, v attribute.Value, depth int) (kept attribute.Value, unread int, changed bool) {
	switch v.Type() {
	case attribute.STRING:
		text, unread := d.bytes(v.AsString())
		return attribute.StringValue(text), unread, unread > 0
	case attribute.BYTESLICE:
		b := v.AsByteSlice()
		n := min(len(b), d.value, d.total)
		d.value -= n
		d.total -= n
		return attribute.ByteSliceValue(b[:n]), len(b) - n, n < len(b)
	case attribute.BOOLSLICE:
		list, cut := firstElements(d, at, v.AsBoolSlice())
		return attribute.BoolSliceValue(list), 0, cut
	case attribute.INT64SLICE:
		list, cut := firstElements(d, at, v.AsInt64Slice())
		return attribute.Int64SliceValue(list), 0, cut
	case attribute.FLOAT64SLICE:
		list, cut := firstElements(d, at, v.AsFloat64Slice())
		return attribute.Float64SliceValue(list), 0, cut
	case attribute.STRINGSLICE, attribute.SLICE, attribute.MAP:
		if depth >= record.MaxNesting {
			d.marks.add(at, mark.Mark{Kind: mark.Replaced})
			return nestedTooDeeply(v), 0, true
		}
		return d.compound(at, v, depth)
	default:
		return v, 0, false
	}
}

// nestedTooDeeply returns the placeholder of a value.
func nestedTooDeeply(v attribute.Value) attribute.Value {
	name := "slice"
	if v.Type() == attribute.MAP {
		name = "map"
	}
	return values.NewUnrepresentable(name, "nested too deeply")
}

// firstElements returns the elements that may be read.
func firstElements[T any](d *reader, at *place, list []T) (kept []T, cut bool) {
	n := min(len(list), d.elements, d.totalElements)
	d.elements -= n
	d.totalElements -= n
	if n < len(list) {
		d.marks.drop(at, len(list)-n)
	}
	return list[:n], n < len(list)
}

// compound bounds the elements of a value.
func (d *reader) compound(at *place, v attribute.Value, depth int) (kept attribute.Value, unread int, changed bool) {
	switch v.Type() {
	case attribute.STRINGSLICE:
		texts, cut := firstElements(d, at, v.AsStringSlice())
		for i := range texts {
			text, n := d.bytes(texts[i])
			texts[i] = text
			unread += n
		}
		return attribute.StringSliceValue(texts), unread, cut || unread > 0
	case attribute.SLICE:
		elements, cut := firstElements(d, at, v.AsSlice())
		for i := range elements {
			e, n, ch := d.bound(at.element(i), elements[i], depth+1)
			elements[i] = e
			unread, cut = unread+n, cut || ch
		}
		if !cut {
			return v, unread, false
		}
		return attribute.SliceValue(elements...), unread, true
	default:
		kvs, cut := firstElements(d, at, v.AsMap())
		for i := range kvs {
			key, n := d.key(string(kvs[i].Key))
			e, m, ch := d.bound(at.key(key), kvs[i].Value, depth+1)
			kvs[i] = attribute.KeyValue{Key: attribute.Key(key), Value: e}
			unread, cut = unread+n+m, cut || ch || n > 0
		}
		if !cut {
			return v, unread, false
		}
		return attribute.MapValue(kvs...), unread, true
	}
}

// isShort reports whether Read has nothing to do.
func isShort(r *record.Record, maxMetadata int) bool {
	if len(r.Covers) > MaxChanges || len(r.Changes) > MaxChanges || len(r.Bulk.Sample) > record.MaxSample ||
		len(r.Metadata) > maxMetadata || len(r.Overridden) > maxMetadata {
		return false
	}
	w := weight{}
	depth := 0
	for a := &r.Actor; a != nil; a = a.OnBehalfOf {
		if depth > record.MaxDelegation || len(a.Roles) > maxRoles {
			return false
		}
		depth++
		w.bytes += len(a.ID) + len(a.Name) + len(a.AuthMethod) + len(a.SessionID)
		w.texts(a.Roles)
	}
	w.bytes += len(r.Target.Type) + len(r.Target.ID) + len(r.Target.Name) + len(r.Reason) + len(r.Failure) +
		len(r.Tenant) + len(r.Channel) + len(r.Bulk.Selector)
	w.texts(r.Bulk.Sample)
	for i := range r.Covers {
		w.bytes += len(r.Covers[i].Type) + len(r.Covers[i].ID) + len(r.Covers[i].Name)
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		w.bytes += len(c.Field)
		w.value(&c.Old, 0)
		w.value(&c.New, 0)
	}
	w.attributes(r.Metadata)
	w.attributes(r.Overridden)
	return !w.tooDeep && w.elements <= maxElements && w.bytes <= maxValue && w.longestKey <= maxKeyRead
}

// weight adds up what a record has.
type weight struct {
	bytes, elements, longestKey int
	tooDeep                     bool
}

func (w *weight) texts(texts []string) {
	for _, text := range texts {
		w.bytes += len(text)
	}
}

func (w *weight) attributes(kvs []attribute.KeyValue) {
	bytes, longest := 0, w.longestKey
	for i := range kvs {
		kv := &kvs[i]
		bytes += len(kv.Key)
		longest = max(longest, len(kv.Key))
		if kv.Value.Type() == attribute.STRING {
			bytes += len(kv.Value.AsString()) // the usual case
			continue
		}
		w.value(&kv.Value, 0)
	}
	w.bytes += bytes
	w.longestKey = max(longest, w.longestKey)
}

func (w *weight) value(v *attribute.Value, depth int) {
	switch v.Type() {
	case attribute.STRING:
		w.bytes += len(v.AsString())
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
	default:
		w.compound(v, depth)
	}
}

func (w *weight) compound(v *attribute.Value, depth int) {
	if depth >= record.MaxNesting && v.Type() != attribute.BYTESLICE || w.elements > maxElements {
		w.tooDeep = true
		return
	}
	switch v.Type() {
	case attribute.BYTESLICE:
		w.bytes += len(v.AsByteSlice())
	case attribute.BOOLSLICE:
		w.elements += len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		w.elements += len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		w.elements += len(v.AsFloat64Slice())
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		w.elements += len(texts)
		w.texts(texts)
	case attribute.SLICE:
		elements := v.AsSlice()
		w.elements += len(elements)
		for i := range elements {
			w.value(&elements[i], depth+1)
		}
	case attribute.MAP:
		kvs := v.AsMap()
		w.elements += len(kvs)
		for i := range kvs {
			w.bytes += len(kvs[i].Key)
			w.longestKey = max(w.longestKey, len(kvs[i].Key))
			w.value(&kvs[i].Value, depth+1)
		}
	}
}
