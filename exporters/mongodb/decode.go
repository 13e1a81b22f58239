package mongodb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// DocumentError says that a document is no record. It carries no values.
type DocumentError struct {
	// ID is the document's _id where that is a record's, or zero.
	ID audit.ID
	// Path is the member, e.g. "actor.type" or "metadata[1].v".
	Path string
	// Reason is what is wrong there.
	Reason string
}

// Error returns a sentence for logs.
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

// Unmarshal returns the record of a document that Marshal made. It refuses all else
// with a *DocumentError: members that it does not know or that are missing, other
// types, values that no record has. Nothing in the record refers to the document.
func Unmarshal(document bson.Raw) (*record.Record, error) {
	if err := document.Validate(); err != nil {
		return nil, &DocumentError{Reason: "it is no BSON document"}
	}
	d := documentReader{record: new(record.Record)}
	if d.read(document); d.reason == "" {
		return d.record, nil
	}
	d = documentReader{record: new(record.Record), paths: true}
	d.read(document)
	return nil, &DocumentError{ID: d.record.ID, Path: d.failed, Reason: d.reason}
}

// documentReader reads a record. The first failure is kept, and ends the reading.
type documentReader struct {
	record *record.Record
	// What is below the milliseconds comes in members of its own.
	timeRest, observedRest int32
	// paths says that the paths of members are made, which takes longer than reading
	// them: it is for the second time, after a failure.
	paths  bool
	failed string // the path
	reason string // empty while there is no failure
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
	notKnown  = "it is not known; the document is of a later version, or none of ours"
	wrongType = "its type is wrong"
	wrongWord = "it is none of the words that can stand here"
)

// required are the members that every record has. Those that are not listed are
// noticed when the record is checked.
var required = []string{memberTimeRest, "kind", "outcome"}

// checkRecord checks what the parts of a record say together.
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
		if wrong, ok := errors.AsType[*audit.ValidationError](err); ok {
			d.fail(wrong.Field, wrong.Reason)
			return
		}
		d.fail("", "it is no record")
	}
}

// members calls read with the members of a document, until something fails.
func (d *documentReader) members(path string, document bson.Raw, read func(path, name string, v bson.RawValue)) {
	elements, err := document.Elements()
	if err != nil {
		d.fail(path, "it is no BSON document")
		return
	}
	for i, e := range elements {
		name := e.Key()
		for _, before := range elements[:i] {
			if before.Key() == name {
				d.fail(d.join(path, name), "it is there twice")
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

// elements calls read with the elements of an array.
func (d *documentReader) elements(path string, v bson.RawValue, read func(path string, v bson.RawValue)) {
	array, ok := v.ArrayOK()
	if !ok {
		d.fail(path, wrongType)
		return
	}
	values, err := array.Values()
	if err != nil {
		d.fail(path, "it is no BSON array")
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

// member reads a member of a record.
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
		r.Kind = word[audit.Kind](d, path, v)
	case "action":
		r.Action = d.text(path, v)
	case "operation":
		r.Operation = word[audit.Operation](d, path, v)
	case "outcome":
		r.Outcome = word[audit.Outcome](d, path, v)
	case "actor":
		d.actor(path, v, &r.Actor)
	case "target":
		d.parts(path, v, map[string]*string{"type": &r.Target.Type, "id": &r.Target.ID, "name": &r.Target.Name})
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
	case "marked":
		r.Marked = d.texts(path, v)
	case "trace_id":
		d.hex(path, v, r.TraceID[:])
	case "span_id":
		d.hex(path, v, r.SpanID[:])
	case "tracker":
		d.parts(path, v, map[string]*string{"name": &r.Tracker.Name, "version": &r.Tracker.Version})
	case "resource":
		r.Resource = resource.NewSchemaless(d.pairs(path, v, 0)...)
	default:
		d.fail(path, notKnown)
	}
}

func (d *documentReader) id(path string, v bson.RawValue) (id audit.ID) {
	subtype, data, ok := v.BinaryOK()
	if !ok || subtype != bson.TypeBinaryUUID || len(data) != len(id) {
		d.fail(path, "it is no UUID (binary data of subtype 4)")
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
			d.fail(path, notKnown)
		}
	})
	if k.IsZero() {
		d.fail(path, "it is empty; it should have been left out")
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
		d.fail(path, "it is no number of nanoseconds below a millisecond")
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
		d.fail(path, "it is empty; it should have been left out")
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

// parts reads a document of texts.
func (d *documentReader) parts(path string, v bson.RawValue, into map[string]*string) {
	d.document(path, v, func(path, name string, v bson.RawValue) {
		s, known := into[name]
		if !known {
			d.fail(path, notKnown)
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
			a.Type = word[audit.ActorType](d, path, v)
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
			d.fail(path, notKnown)
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
			c.Old = d.presentValue(path, v)
		case "new":
			c.New = d.presentValue(path, v)
		case "redacted":
			if redacted, ok := v.BooleanOK(); !ok || !redacted {
				d.fail(path, "it is not true; it should have been left out")
			}
			c.Redacted = true
		default:
			d.fail(path, notKnown)
		}
	})
	d.record.Changes = append(d.record.Changes, c)
}

// presentValue reads a side of a change, which is left out where there is no value.
func (d *documentReader) presentValue(path string, v bson.RawValue) attribute.Value {
	read := d.value(path, v, 0)
	if read.Type() == attribute.EMPTY {
		d.fail(path, "it is null; it should have been left out")
	}
	return read
}

func (d *documentReader) hex(path string, v bson.RawValue, id []byte) {
	s, _ := v.StringValueOK()
	if len(s) != hex.EncodedLen(len(id)) {
		d.fail(path, "it is no id of tracing")
		return
	}
	n, err := hex.Decode(id, []byte(s))
	if err != nil || hex.EncodeToString(id[:n]) != s {
		d.fail(path, "it is no id of tracing")
	}
}

// constant is an enumeration of package audit.
type constant interface {
	~uint8
	Valid() bool
	String() string
}

// word reads the word of a constant.
func word[T constant](d *documentReader, path string, v bson.RawValue) T {
	s, _ := v.StringValueOK()
	for c := T(0); c.Valid(); c++ {
		if c.String() == s {
			return c
		}
	}
	d.fail(path, wrongWord)
	return 0
}
