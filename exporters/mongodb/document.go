package mongodb

import (
	"encoding/hex"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// The names of a document's members. Those of the record's JSON are taken where there
// are any.
const (
	memberID           = "_id"
	memberTime         = "time"
	memberTimeRest     = "time_ns"
	memberObserved     = "observed_time"
	memberObservedRest = "observed_time_ns"
)

// maxDocument is the most bytes that a server takes in one document.
const maxDocument = 16 << 20

// encoder makes documents of records. It is not for concurrent use.
type encoder struct {
	resource *resource.Resource // that of the record before
	encoded  []byte             // and its element
}

// Marshal returns the document of a record, as docs/mongodb.md describes it. A record
// that Unmarshal would not read back, and one whose document is larger than MongoDB
// takes, is refused with a *audit.ValidationError.
func Marshal(r *record.Record) (bson.Raw, error) {
	b, err := Append(make([]byte, 0, usualDocument), r)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// usualDocument is room for most documents, in bytes.
const usualDocument = 1280

// Append appends the document of a record to b, as Marshal makes it. On an error it
// returns b as it was. It is what the exporter does: with room in b it allocates
// nothing.
func Append(b []byte, r *record.Record) ([]byte, error) {
	e, _ := encoders.Get().(*encoder) // nothing else is in there
	if e == nil {
		e = new(encoder)
	}
	defer encoders.Put(e)
	return e.append(b, r)
}

// encoders are those of Append.
var encoders sync.Pool

// append appends the document of r to b, or returns b as it was and a
// *audit.ValidationError. r is not changed.
func (e *encoder) append(b []byte, r *record.Record) ([]byte, error) {
	w := bsonWriter{b: b}
	start := w.beginDocument()
	w.record(r)
	e.appendResource(&w, r.Resource)
	w.end(start)
	if len(w.b)-start > maxDocument {
		w.member = "record"
		w.fail("its document is larger than 16 MiB, which is the most that MongoDB takes")
	}
	if w.reason != "" {
		return b, &audit.ValidationError{Field: w.failed, Reason: w.reason}
	}
	return w.b, nil
}

// appendResource writes the last member. Nearly all records have the resource of the
// one before, which nobody can change.
func (e *encoder) appendResource(w *bsonWriter, res *resource.Resource) {
	if res.Len() == 0 {
		return
	}
	if res == e.resource {
		w.b = append(w.b, e.encoded...)
		return
	}
	start := len(w.b)
	w.attributes("resource", res.Attributes())
	if w.reason == "" {
		e.resource, e.encoded = res, append(e.encoded[:0], w.b[start:]...)
	}
}

const (
	missing     = "it is missing"
	unknownWord = "its value is none of the constants"
)

// record writes all members but the resource.
func (w *bsonWriter) record(r *record.Record) {
	w.member = "id"
	if r.ID.IsZero() {
		w.fail(missing)
	}
	w.binary(memberID, bson.TypeBinaryUUID, r.ID[:])
	w.time(memberTime, memberTimeRest, r.Time)
	if !r.ObservedTime.IsZero() {
		w.time(memberObserved, memberObservedRest, r.ObservedTime)
	}
	w.word("kind", r.Kind.String(), r.Kind.Valid())
	w.member = "action"
	if !audit.ValidAction(r.Action) {
		w.fail("it is no action, such as invoice.approve")
	}
	w.plain("action", r.Action)
	if r.Operation != audit.OperationUnspecified {
		w.word("operation", r.Operation.String(), r.Operation.Valid())
	}
	w.word("outcome", r.Outcome.String(), r.Outcome.Valid())
	w.member = "actor"
	w.actor("actor", &r.Actor, 0)
	w.target(&r.Target)
	w.text("reason", r.Reason)
	w.text("tenant", r.Tenant)
	w.text("channel", r.Channel)
	if !r.Attempt.IsZero() {
		w.binary("attempt", bson.TypeBinaryUUID, r.Attempt[:])
	}
	w.bulk(&r.Bulk)
	w.changes(r.Changes)
	w.attributes("metadata", r.Metadata)
	w.attributes("overridden", r.Overridden)
	w.texts("redacted", r.Redacted)
	w.texts("marked", r.Marked)
	w.hex("trace_id", r.TraceID[:], r.TraceID.IsValid())
	w.hex("span_id", r.SpanID[:], r.SpanID.IsValid())
	w.tracker(&r.Tracker)
}

// time writes a time as a date, which has milliseconds, and the nanoseconds below.
func (w *bsonWriter) time(name, rest string, t time.Time) {
	w.member = name
	if !record.ValidTime(t) {
		w.fail("it must be between the years 1970 and 9999")
	}
	w.date(name, t)
	w.int32(rest, subMillisecond(t))
}

// subMillisecond returns the nanoseconds of t below its milliseconds.
func subMillisecond(t time.Time) int32 { return int32(t.Nanosecond() % int(time.Millisecond)) }

func (w *bsonWriter) word(name, word string, known bool) {
	w.member = name
	if !known {
		w.fail(unknownWord)
	}
	w.plain(name, word)
}

// actor writes an actor who stands behind that many others.
func (w *bsonWriter) actor(name string, a *audit.Actor, behind int) {
	start := w.begin(bson.TypeEmbeddedDocument, name)
	if !a.Type.Valid() || a.Type == audit.ActorNone {
		w.fail("its type is none of the constants")
	}
	w.plain("type", a.Type.String())
	w.part("id", a.ID)
	w.part("name", a.Name)
	w.part("auth_method", a.AuthMethod)
	w.part("session_id", a.SessionID)
	w.list("roles", a.Roles)
	if a.OnBehalfOf != nil {
		if behind < audit.MaxDelegation {
			w.actor("on_behalf_of", a.OnBehalfOf, behind+1)
		} else {
			w.fail("the chain of actors is too long, or circular")
		}
	}
	w.end(start)
}

func (w *bsonWriter) target(t *audit.Target) {
	if *t == (audit.Target{}) {
		return
	}
	w.member = "target"
	start := w.begin(bson.TypeEmbeddedDocument, "target")
	w.part("type", t.Type)
	w.part("id", t.ID)
	w.part("name", t.Name)
	w.end(start)
}

func (w *bsonWriter) bulk(k *audit.Bulk) {
	if k.IsZero() {
		return
	}
	w.member = "bulk"
	if k.Affected < 0 || k.Affected > audit.MaxAffected {
		w.fail("its count must be from 0 to 2^53-1")
	}
	if k.Selector == "" {
		w.fail("its selector is missing")
	}
	start := w.begin(bson.TypeEmbeddedDocument, "bulk")
	w.part("selector", k.Selector)
	w.int64("affected", k.Affected)
	w.list("sample", k.Sample)
	w.end(start)
}

func (w *bsonWriter) tracker(t *record.Instrumentation) {
	if *t == (record.Instrumentation{}) {
		return
	}
	w.member = "tracker"
	start := w.begin(bson.TypeEmbeddedDocument, "tracker")
	w.part("name", t.Name)
	w.part("version", t.Version)
	w.end(start)
}

func (w *bsonWriter) changes(changes []audit.Change) {
	if len(changes) == 0 {
		return
	}
	w.member = "changes"
	list := w.begin(bson.TypeArray, "changes")
	for i := range changes {
		c := &changes[i]
		start := w.begin(bson.TypeEmbeddedDocument, indexName(i))
		w.string("field", c.Field)
		if c.Old.Type() != attribute.EMPTY {
			w.value("old", &c.Old, 0)
		}
		if c.New.Type() != attribute.EMPTY {
			w.value("new", &c.New, 0)
		}
		if c.Redacted {
			w.bool("redacted", true)
		}
		w.end(start)
	}
	w.end(list)
}

// text writes a member that is left out when it is empty.
func (w *bsonWriter) text(name, s string) {
	w.member = name
	w.part(name, s)
}

// part writes a text inside of a member, unless it is empty.
func (w *bsonWriter) part(name, s string) {
	if s != "" {
		w.string(name, s)
	}
}

// texts writes a member that is left out when the list is empty.
func (w *bsonWriter) texts(name string, list []string) {
	w.member = name
	w.list(name, list)
}

func (w *bsonWriter) list(name string, list []string) {
	if len(list) == 0 {
		return
	}
	start := w.begin(bson.TypeArray, name)
	for i, s := range list {
		w.string(indexName(i), s)
	}
	w.end(start)
}

// hex writes an id of tracing as OpenTelemetry spells it.
func (w *bsonWriter) hex(name string, id []byte, valid bool) {
	if !valid {
		return
	}
	var text [32]byte
	w.plain(name, string(hex.AppendEncode(text[:0], id)))
}
