package mongodb

import (
	"encoding/hex"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// The names of members that differ from the record's JSON.
const (
	memberID           = "_id"
	memberTime         = "time"
	memberTimeRest     = "time_ns"
	memberObserved     = "observed_time"
	memberObservedRest = "observed_time_ns"
)

// maxDocument is the size limit of a document in MongoDB, in bytes.
const maxDocument = 16 << 20

// encoder encodes records as documents. It is not safe for concurrent use.
type encoder struct {
	resource *resource.Resource // of the previous record
	encoded  []byte             // the element of that resource
}

// Marshal returns the document of a record, as docs/mongodb.md describes it. It returns a
// *audit.ValidationError if Unmarshal could not read the document back, or if it is
// larger than MongoDB accepts (16 MiB).
func Marshal(r *record.Record) (bson.Raw, error) {
	b, err := Append(make([]byte, 0, typicalSize), r)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// typicalSize is enough for most documents, in bytes.
const typicalSize = 1280

// Append appends the document of a record to b, as Marshal encodes it, and returns the
// extended slice. On error it returns b unchanged. If b has enough capacity, Append does
// not allocate.
func Append(b []byte, r *record.Record) ([]byte, error) {
	e, _ := encoders.Get().(*encoder) // it holds nothing else
	if e == nil {
		e = new(encoder)
	}
	defer encoders.Put(e)
	return e.append(b, r, export.Place{})
}

// encoders holds the encoders of Append.
var encoders sync.Pool

// append appends the document of r to b, with its place unless that is zero. On error it returns
// b unchanged and a *audit.ValidationError. It does not modify r.
func (e *encoder) append(b []byte, r *record.Record, place export.Place) ([]byte, error) {
	w := bsonWriter{b: b}
	start := w.beginDocument()
	w.record(r)
	e.appendResource(&w, r.Resource)
	if place.Seq != 0 {
		w.place(place)
	}
	w.end(start)
	if len(w.b)-start > maxDocument {
		w.member = "record"
		w.fail("its document is larger than 16 MiB, the limit of MongoDB")
	}
	if w.reason != "" {
		return b, &audit.ValidationError{Field: w.failed, Reason: w.reason}
	}
	return w.b, nil
}

// appendResource writes the resource. It reuses the encoding of the previous record's
// resource, which is nearly always the same. Resources are immutable.
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
	notConstant = "its value is not one of the constants"
)

// record writes all members except the resource.
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
	w.constant("kind", r.Kind.String(), r.Kind.Valid())
	w.member = "action"
	if !record.ValidAction(r.Action) {
		w.fail("it is not an action, such as invoice.approve")
	}
	w.plain("action", r.Action)
	if r.Operation != audit.OperationUnspecified {
		w.constant("operation", r.Operation.String(), r.Operation.Valid())
	}
	w.constant("outcome", r.Outcome.String(), r.Outcome.Valid())
	w.member = "actor"
	w.actor("actor", &r.Actor, 0)
	w.target(&r.Target)
	w.covers(r.Covers)
	w.text("reason", r.Reason)
	w.text("failure", r.Failure)
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
	w.marks(r.Marks)
	w.hex("trace_id", r.TraceID[:], r.TraceID.IsValid())
	w.hex("span_id", r.SpanID[:], r.SpanID.IsValid())
	w.tracker(&r.Tracker)
}

// time writes a time as a date in milliseconds and the remaining nanoseconds.
func (w *bsonWriter) time(name, rest string, t time.Time) {
	w.member = name
	if !record.ValidTime(t) {
		w.fail("it must be between the years 1970 and 9999")
	}
	w.date(name, t)
	w.int32(rest, subMillisecond(t))
}

// subMillisecond returns the nanoseconds of t that a date cannot hold.
func subMillisecond(t time.Time) int32 { return int32(t.Nanosecond() % int(time.Millisecond)) }

// constant writes the name of a constant.
func (w *bsonWriter) constant(name, value string, known bool) {
	w.member = name
	if !known {
		w.fail(notConstant)
	}
	w.plain(name, value)
}

// actor writes an actor. depth is the number of actors that act on its behalf.
func (w *bsonWriter) actor(name string, a *audit.Actor, depth int) {
	start := w.begin(bson.TypeEmbeddedDocument, name)
	if !a.Type.Valid() || a.Type == audit.ActorNone {
		w.fail("its type is not one of the constants")
	}
	w.plain("type", a.Type.String())
	w.part("id", a.ID)
	w.part("name", a.Name)
	w.part("auth_method", a.AuthMethod)
	w.part("session_id", a.SessionID)
	w.list("roles", a.Roles)
	if a.OnBehalfOf != nil {
		if depth < record.MaxDelegation {
			w.actor("on_behalf_of", a.OnBehalfOf, depth+1)
		} else {
			w.fail("its chain of actors is too long or has a cycle")
		}
	}
	w.end(start)
}

func (w *bsonWriter) target(t *audit.Target) {
	if *t == (audit.Target{}) {
		return
	}
	w.member = "target"
	w.targetDocument("target", t)
}

func (w *bsonWriter) targetDocument(name string, t *audit.Target) {
	start := w.begin(bson.TypeEmbeddedDocument, name)
	w.part("type", t.Type)
	w.part("id", t.ID)
	w.part("name", t.Name)
	w.end(start)
}

func (w *bsonWriter) covers(targets []audit.Target) {
	if len(targets) == 0 {
		return
	}
	w.member = "covers"
	list := w.begin(bson.TypeArray, "covers")
	for i := range targets {
		if targets[i] == (audit.Target{}) {
			w.fail("a target in it is empty")
		}
		w.targetDocument(indexName(i), &targets[i])
	}
	w.end(list)
}

func (w *bsonWriter) marks(marks []mark.Mark) {
	if len(marks) == 0 {
		return
	}
	w.member = "marks"
	list := w.begin(bson.TypeArray, "marks")
	for i := range marks {
		m := &marks[i]
		if !record.ValidMarkKind(m.Kind) {
			w.fail("a kind in it is not words joined by dots")
		}
		start := w.begin(bson.TypeEmbeddedDocument, indexName(i))
		w.part("path", m.Path)
		w.string("mark", string(m.Kind))
		w.count("count", m.Count)
		w.count("length", m.Length)
		w.hex("sha256", m.SHA256[:], m.SHA256 != [32]byte{})
		w.end(start)
	}
	w.end(list)
}

// count writes a count. It omits zero.
func (w *bsonWriter) count(name string, n int64) {
	if n == 0 {
		return
	}
	if n < 0 || n > record.MaxCount {
		w.fail("a count in it must be from 0 to 2^53-1")
	}
	w.int64(name, n)
}

func (w *bsonWriter) bulk(k *audit.Bulk) {
	if k.IsZero() {
		return
	}
	w.member = "bulk"
	if k.Affected < 0 || k.Affected > record.MaxAffected {
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

// text writes a text member of a record. It omits an empty one.
func (w *bsonWriter) text(name, s string) {
	w.member = name
	w.part(name, s)
}

// part writes a text inside a member. It omits an empty one.
func (w *bsonWriter) part(name, s string) {
	if s != "" {
		w.string(name, s)
	}
}

// texts writes a list member of a record. It omits an empty one.
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

// hex writes an ID or a hash in lowercase hex. It omits an invalid one.
func (w *bsonWriter) hex(name string, id []byte, valid bool) {
	if !valid {
		return
	}
	var text [64]byte
	w.plain(name, string(hex.AppendEncode(text[:0], id)))
}
