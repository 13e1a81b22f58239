package mongodb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// DocumentError reports a document that is not a record. It contains no values.
type DocumentError struct {
	// ID is the _id of the document if it is the ID of a record, or zero.
	ID audit.ID
	// Path is the path of the invalid member, such as "actor.type" or "metadata[1].v".
	Path string
	// Reason says what is wrong with it.
	Reason string
}

// Error returns the ID, the path and the reason.
func (e *DocumentError) Error() string {
	text := "mongodb: document"
	if !e.ID.IsZero() {
		text += " " + e.ID.String()
	}
	if e.Path != "" {
		text += ": " + e.Path
	}
	return text + ": " + e.Reason
}

// Unmarshal returns the record of a document that Marshal encoded. For any other document,
// such as one with unknown or missing members, other types or invalid values, it returns
// a *DocumentError. The record does not reference the document.
func Unmarshal(document bson.Raw) (*record.Record, error) {
	if err := document.Validate(); err != nil {
		return nil, &DocumentError{Reason: "it is not a BSON document"}
	}
	d := documentReader{record: new(record.Record)}
	if d.read(document); d.reason == "" {
		return d.record, nil
	}
	d = documentReader{record: new(record.Record), paths: true}
	d.read(document)
	return nil, &DocumentError{ID: d.record.ID, Path: d.failed, Reason: d.reason}
}

// documentReader decodes a record. It stops at the first failure.
type documentReader struct {
	record *record.Record
	// The nanoseconds that the dates cannot hold.
	timeRest, observedRest int32
	// paths builds the paths of members. That takes longer than decoding them, so it is
	// only set for a second pass, after a failure.
	paths  bool
	failed string // the path of the invalid member
	reason string // empty if there was no failure
}

func (d *documentReader) read(document bson.Raw) {
	d.members("", document, d.member)
	if d.reason == "" {
		d.checkRecord(document)
	}
}

func (d *documentReader) fail(path, reason string) {
	if d.reason == "" {
		d.failed, d.reason = path, reason
	}
}

const (
	unknownMember = "it is unknown; the document is from a later version, or is not a record"
	wrongType     = "its type is wrong"
	unknownWord   = "it is not one of the words that are allowed here"
)

// required lists members that every record has. Other required members are checked by
// record.Record.AppendJSON.
var required = []string{memberTimeRest, "kind", "outcome"}

// checkRecord checks the record as a whole.
func (d *documentReader) checkRecord(document bson.Raw) {
	r := d.record
	members := required
	if !r.ObservedTime.IsZero() || d.observedRest != 0 {
		members = append(slices.Clip(members), memberObserved, memberObservedRest)
	}
	for _, name := range members {
		if _, err := document.LookupErr(name); err != nil {
			d.fail(name, missing)
			return
		}
	}
	r.Time = r.Time.Add(time.Duration(d.timeRest))
	if !r.ObservedTime.IsZero() {
		r.ObservedTime = r.ObservedTime.Add(time.Duration(d.observedRest))
	}
	if _, err := r.AppendJSON(nil); err != nil {
		if invalid, ok := errors.AsType[*audit.ValidationError](err); ok {
			d.fail(invalid.Field, invalid.Reason)
			return
		}
		d.fail("", "it is not a record")
	}
}

// members calls read for each member of a document, until one fails.
func (d *documentReader) members(path string, document bson.Raw, read func(path, name string, v bson.RawValue)) {
	elements, err := document.Elements()
	if err != nil {
		d.fail(path, "it is not a BSON document")
		return
	}
	for i, e := range elements {
		name := e.Key()
		for _, earlier := range elements[:i] {
			if earlier.Key() == name {
				d.fail(d.join(path, name), "it is repeated")
			}
		}
		if d.reason != "" {
			return
		}
		read(d.join(path, name), name, e.Value())
	}
}

func (d *documentReader) join(path, name string) string {
	if !d.paths || path == "" {
		return name
	}
	return path + "." + name
}

// elements calls read for each element of an array, until one fails.
func (d *documentReader) elements(path string, v bson.RawValue, read func(path string, v bson.RawValue)) {
	array, ok := v.ArrayOK()
	if !ok {
		d.fail(path, wrongType)
		return
	}
	values, err := array.Values()
	if err != nil {
		d.fail(path, "it is not a BSON array")
		return
	}
	for i, v := range values {
		if d.reason != "" {
			return
		}
		if d.paths {
			read(fmt.Sprintf("%s[%d]", path, i), v)
		} else {
			read("", v)
		}
	}
}

// member decodes a member of a record.
func (d *documentReader) member(path, name string, v bson.RawValue) {
	r := d.record
	switch name {
	case memberID:
		r.ID = d.id(path, v)
	case memberTime:
		r.Time = d.date(path, v)
	case memberTimeRest:
		d.timeRest = d.rest(path, v)
	case memberObserved:
		r.ObservedTime = d.date(path, v)
	case memberObservedRest:
		d.observedRest = d.rest(path, v)
	case "kind":
		r.Kind = constantOf[audit.Kind](d, path, v)
	case "action":
		r.Action = d.text(path, v)
	case "operation":
		r.Operation = constantOf[audit.Operation](d, path, v)
	case "outcome":
		r.Outcome = constantOf[audit.Outcome](d, path, v)
	case "actor":
		d.actor(path, v, &r.Actor)
	case "target":
		d.target(path, v, &r.Target)
	case "covers":
		d.elements(path, v, func(path string, v bson.RawValue) {
			var t audit.Target
			d.target(path, v, &t)
			r.Covers = append(r.Covers, t)
		})
	case "failure":
		r.Failure = d.text(path, v)
	case "reason":
		r.Reason = d.text(path, v)
	case "tenant":
		r.Tenant = d.text(path, v)
	case "channel":
		r.Channel = d.text(path, v)
	default:
		d.rareMember(path, name, v)
	}
}

func (d *documentReader) rareMember(path, name string, v bson.RawValue) {
	r := d.record
	switch name {
	case "attempt":
		if r.Attempt = d.id(path, v); r.Attempt.IsZero() {
			d.fail(path, "it is zero")
		}
	case "bulk":
		d.bulk(path, v)
	case "changes":
		d.elements(path, v, d.change)
	case "metadata":
		r.Metadata = d.pairs(path, v, 0)
	case "overridden":
		r.Overridden = d.pairs(path, v, 0)
	case "redacted":
		r.Redacted = d.texts(path, v)
	case "marks":
		d.elements(path, v, d.mark)
	case "trace_id":
		d.hex(path, v, r.TraceID[:])
	case "span_id":
		d.hex(path, v, r.SpanID[:])
	case "tracker":
		d.parts(path, v, map[string]*string{"name": &r.Tracker.Name, "version": &r.Tracker.Version})
	case memberPlace:
		if _, ok := placeOf(v); !ok {
			d.fail(path, wrongType)
		}
	case "resource":
		r.Resource = resource.NewSchemaless(d.pairs(path, v, 0)...)
	default:
		d.fail(path, unknownMember)
	}
}

func (d *documentReader) id(path string, v bson.RawValue) (id audit.ID) {
	subtype, data, ok := v.BinaryOK()
	if !ok || subtype != bson.TypeBinaryUUID || len(data) != len(id) {
		d.fail(path, "it is not a UUID (binary data of subtype 4)")
		return id
	}
	return audit.ID(data)
}

func (d *documentReader) bulk(path string, v bson.RawValue) {
	k := &d.record.Bulk
	d.document(path, v, func(path, name string, v bson.RawValue) {
		switch name {
		case "selector":
			k.Selector = d.text(path, v)
		case "affected":
			n, ok := v.Int64OK()
			if !ok {
				d.fail(path, wrongType)
			}
			k.Affected = n
		case "sample":
			k.Sample = d.texts(path, v)
		default:
			d.fail(path, unknownMember)
		}
	})
	if k.IsZero() {
		d.fail(path, "it is empty, but should be omitted")
	}
}

func (d *documentReader) date(path string, v bson.RawValue) time.Time {
	if v.Type != bson.TypeDateTime {
		d.fail(path, wrongType)
		return time.Time{}
	}
	return v.Time().UTC()
}

func (d *documentReader) rest(path string, v bson.RawValue) int32 {
	n, ok := v.Int32OK()
	if !ok || n < 0 || time.Duration(n) >= time.Millisecond {
		d.fail(path, "it is not a number of nanoseconds less than a millisecond")
		return 0
	}
	return n
}

func (d *documentReader) text(path string, v bson.RawValue) string {
	s, ok := v.StringValueOK()
	switch {
	case !ok:
		d.fail(path, wrongType)
	case s == "":
		d.fail(path, "it is empty, but should be omitted")
	}
	return s
}

func (d *documentReader) texts(path string, v bson.RawValue) []string {
	var list []string
	d.elements(path, v, func(path string, v bson.RawValue) {
		s, ok := v.StringValueOK()
		if !ok {
			d.fail(path, wrongType)
		}
		list = append(list, s)
	})
	return list
}

func (d *documentReader) target(path string, v bson.RawValue, t *audit.Target) {
	d.parts(path, v, map[string]*string{"type": &t.Type, "id": &t.ID, "name": &t.Name})
}

func (d *documentReader) mark(path string, v bson.RawValue) {
	var m mark.Mark
	d.document(path, v, func(path, name string, v bson.RawValue) {
		switch name {
		case "path":
			m.Path = d.text(path, v)
		case "mark":
			m.Kind = mark.Kind(d.text(path, v))
		case "count":
			m.Count = d.count(path, v)
		case "length":
			m.Length = d.count(path, v)
		case "sha256":
			d.hex(path, v, m.SHA256[:])
		default:
			d.fail(path, unknownMember)
		}
	})
	d.record.Marks = append(d.record.Marks, m)
}

// count decodes a count that is not zero.
func (d *documentReader) count(path string, v bson.RawValue) int64 {
	n, ok := v.Int64OK()
	switch {
	case !ok:
		d.fail(path, wrongType)
	case n == 0:
		d.fail(path, "it is zero, but should be omitted")
	}
	return n
}

// parts decodes a document of texts.
func (d *documentReader) parts(path string, v bson.RawValue, into map[string]*string) {
	d.document(path, v, func(path, name string, v bson.RawValue) {
		s, ok := into[name]
		if !ok {
			d.fail(path, unknownMember)
			return
		}
		*s = d.text(path, v)
	})
}

func (d *documentReader) document(path string, v bson.RawValue, read func(path, name string, v bson.RawValue)) {
	document, ok := v.DocumentOK()
	if !ok {
		d.fail(path, wrongType)
		return
	}
	d.members(path, document, read)
}

func (d *documentReader) actor(path string, v bson.RawValue, a *audit.Actor) {
	d.document(path, v, func(path, name string, v bson.RawValue) {
		switch name {
		case "type":
			a.Type = constantOf[audit.ActorType](d, path, v)
		case "id":
			a.ID = d.text(path, v)
		case "name":
			a.Name = d.text(path, v)
		case "auth_method":
			a.AuthMethod = d.text(path, v)
		case "session_id":
			a.SessionID = d.text(path, v)
		case "roles":
			a.Roles = d.texts(path, v)
		case "on_behalf_of":
			a.OnBehalfOf = new(audit.Actor)
			d.actor(path, v, a.OnBehalfOf)
		default:
			d.fail(path, unknownMember)
		}
	})
}

func (d *documentReader) change(path string, v bson.RawValue) {
	var c audit.Change
	d.document(path, v, func(path, name string, v bson.RawValue) {
		switch name {
		case "field":
			var ok bool
			if c.Field, ok = v.StringValueOK(); !ok {
				d.fail(path, wrongType)
			}
		case "old":
			c.Old = d.changeValue(path, v)
		case "new":
			c.New = d.changeValue(path, v)
		case "redacted":
			if redacted, ok := v.BooleanOK(); !ok || !redacted {
				d.fail(path, "it is not true, but should be omitted")
			}
			c.Redacted = true
		default:
			d.fail(path, unknownMember)
		}
	})
	d.record.Changes = append(d.record.Changes, c)
}

// changeValue decodes the old or new value of a change. An empty one must be omitted.
func (d *documentReader) changeValue(path string, v bson.RawValue) attribute.Value {
	value := d.value(path, v, 0)
	if value.Type() == attribute.EMPTY {
		d.fail(path, "it is null, but should be omitted")
	}
	return value
}

func (d *documentReader) hex(path string, v bson.RawValue, id []byte) {
	s, _ := v.StringValueOK()
	if len(s) != hex.EncodedLen(len(id)) {
		d.fail(path, "it does not have the hexadecimal digits of an ID or a hash")
		return
	}
	n, err := hex.Decode(id, []byte(s))
	if err != nil || hex.EncodeToString(id[:n]) != s {
		d.fail(path, "it does not have the hexadecimal digits of an ID or a hash")
	}
}

// constant is an enum of package audit.
type constant interface {
	~uint8
	Valid() bool
	String() string
}

// constantOf decodes the name of a constant.
func constantOf[T constant](d *documentReader, path string, v bson.RawValue) T {
	s, _ := v.StringValueOK()
	for c := T(0); c.Valid(); c++ {
		if c.String() == s {
			return c
		}
	}
	d.fail(path, unknownWord)
	return 0
}
