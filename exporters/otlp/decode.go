package otlp

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
)

// RecordError reports a log record that is not a record sent by this package. It contains
// no values.
type RecordError struct {
	// ID is the ID of the record, or zero if it is unknown.
	ID audit.ID
	// Attribute is the name of the invalid attribute, or empty.
	Attribute string
	// Reason says what is wrong with it.
	Reason string
}

// Error returns the ID, the attribute and the reason.
func (e *RecordError) Error() string {
	text := "otlp: log record"
	if !e.ID.IsZero() {
		text += " " + e.ID.String()
	}
	if e.Attribute != "" {
		text += ": " + e.Attribute
	}
	return text + ": " + e.Reason
}

// Decode converts log records that an Exporter sent, as a collector returns them, to the original
// records. It skips checkpoints. Attributes that a collector added become metadata. The error has
// a *RecordError for each log record that is not a record; Decode returns the others.
func Decode(group *logs.ResourceLogs) ([]*record.Record, error) {
	var records []*record.Record
	var errs []error
	res, err := decodeResource(group)
	if err != nil {
		return nil, err
	}
	for _, scope := range group.GetScopeLogs() {
		tracker := record.Instrumentation{Name: scope.GetScope().GetName(), Version: scope.GetScope().GetVersion()}
		for _, l := range scope.GetLogRecords() {
			if _, ok := CheckpointOf(l); ok {
				continue
			}
			d := logReader{record: &record.Record{Resource: res, Tracker: tracker}}
			if err := d.read(l); err != nil {
				errs = append(errs, err)
				continue
			}
			records = append(records, d.record)
		}
	}
	return records, errors.Join(errs...)
}

func decodeResource(group *logs.ResourceLogs) (*resource.Resource, error) {
	d := logReader{record: new(record.Record), attribute: "resource"}
	kvs := d.pairs(group.GetResource().GetAttributes(), 0)
	if d.reason != "" {
		return nil, &RecordError{Attribute: d.failed, Reason: d.reason}
	}
	return resource.NewWithAttributes(group.GetSchemaUrl(), kvs...), nil
}

// logReader decodes a log record. It keeps the first failure.
type logReader struct {
	record    *record.Record
	attribute string               // the attribute being decoded
	reserved  []attribute.KeyValue // metadata with reserved keys
	version   string
	failed    string // the invalid attribute
	reason    string // empty if there was no failure
}

func (d *logReader) fail(reason string) {
	if d.reason == "" {
		d.failed, d.reason = d.attribute, reason
	}
}

const (
	wrongType   = "its type is wrong"
	unknownWord = "it is not one of the words that are allowed here"
)

func (d *logReader) read(l *logs.LogRecord) error {
	r := d.record
	r.Time, r.ObservedTime = fromNanos(l.GetTimeUnixNano()), fromNanos(l.GetObservedTimeUnixNano())
	d.attribute = "trace_id"
	d.bytes(r.TraceID[:], l.GetTraceId())
	d.attribute = "span_id"
	d.bytes(r.SpanID[:], l.GetSpanId())
	for _, kv := range l.GetAttributes() {
		d.attribute = kv.GetKey()
		if isReserved(kv.GetKey()) {
			d.known(kv.GetKey(), kv.GetValue())
			continue
		}
		r.Metadata = append(r.Metadata, attribute.KeyValue{Key: attribute.Key(kv.GetKey()), Value: d.value(kv.GetValue(), 0)})
	}
	r.Metadata = append(r.Metadata, d.reserved...)
	sortByKey(r.Metadata)
	sortByKey(r.Overridden)
	d.check(l)
	if d.reason != "" {
		return &RecordError{ID: r.ID, Attribute: d.failed, Reason: d.reason}
	}
	return nil
}

// check checks the record as a whole.
func (d *logReader) check(l *logs.LogRecord) {
	d.attribute = attributeSchemaVersion
	if d.version != SchemaVersion {
		d.fail("it is unknown; the record was sent by a later version, or by another program")
	}
	d.attribute = attributeAction
	if d.record.Action != l.GetEventName() {
		d.fail("it is not the event name")
	}
	d.attribute = ""
	if _, err := d.record.AppendJSON(nil); err != nil {
		if invalid, ok := errors.AsType[*audit.ValidationError](err); ok {
			d.attribute = invalid.Field
			d.fail(invalid.Reason)
			return
		}
		d.fail("it is not a record")
	}
}

// fromNanos converts a time. Zero means that the time is unknown.
func fromNanos(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(int64(n/1e9), int64(n%1e9)).UTC()
}

func (d *logReader) bytes(into, from []byte) {
	if len(from) != 0 && copy(into, from) != len(from) || len(from) > 0 && len(from) < len(into) {
		d.fail("its length is wrong")
	}
}

// sortByKey sorts attributes as records have them; another program may send any order.
func sortByKey(kvs []attribute.KeyValue) {
	slices.SortStableFunc(kvs, func(a, b attribute.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) })
}

// known decodes an attribute of the mapping.
func (d *logReader) known(name string, v *common.AnyValue) {
	r := d.record
	switch name {
	case attributeRecordID:
		r.ID = d.id(v)
	case attributeSchemaVersion:
		d.version = d.text(v)
	case attributeKind:
		r.Kind = constantOf[audit.Kind](d, v)
	case attributeAction:
		r.Action = d.text(v)
	case attributeOperation:
		r.Operation = constantOf[audit.Operation](d, v)
	case attributeOutcome:
		r.Outcome = constantOf[audit.Outcome](d, v)
	case attributeTargetType:
		r.Target.Type = d.text(v)
	case attributeTargetID:
		r.Target.ID = d.text(v)
	case attributeTargetName:
		r.Target.Name = d.text(v)
	case attributeReason:
		r.Reason = d.text(v)
	case attributeTenant:
		r.Tenant = d.text(v)
	case attributeChannel:
		r.Channel = d.text(v)
	case attributeTime:
		r.Time = d.time(v)
	case attributeObservedTime:
		r.ObservedTime = d.time(v)
	case attributeAttempt:
		r.Attempt = d.id(v)
	case attributeBulkSelector:
		r.Bulk.Selector = d.text(v)
	case attributeBulkAffected:
		r.Bulk.Affected = d.int(v)
	case attributeBulkSample:
		r.Bulk.Sample = d.texts(v)
	case attributeChanges:
		d.maps(v, d.change)
	case attributeOverridden:
		r.Overridden = d.mapPairs(v)
	case attributeMetadata:
		d.reserved = d.mapPairs(v)
	case attributeRedacted:
		r.Redacted = d.texts(v)
	case attributeMarks:
		d.maps(v, d.mark)
	case attributeCovers:
		d.maps(v, d.cover)
	case attributeFailure:
		r.Failure = d.text(v)
	case attributePlaceLog:
		d.text(v) // PlaceOf returns it
	case attributePlaceSeq:
		d.int(v)
	default:
		if part, ok := strings.CutPrefix(name, actorPrefix); ok {
			d.actorPart(&r.Actor, part, v, 0)
			return
		}
		d.fail("it is unknown; the record was sent by a later version, or by another program")
	}
}

// actorPrefix is the prefix of the attributes of the actor.
const actorPrefix = "audit.actor."

// actorPart decodes a part of an actor. depth is the number of actors that act on its
// behalf.
func (d *logReader) actorPart(a *audit.Actor, part string, v *common.AnyValue, depth int) {
	switch part {
	case actorType:
		a.Type = constantOf[audit.ActorType](d, v)
	case actorID:
		a.ID = d.text(v)
	case actorName:
		a.Name = d.text(v)
	case actorAuthMethod:
		a.AuthMethod = d.text(v)
	case actorSessionID:
		a.SessionID = d.text(v)
	case actorRoles:
		a.Roles = d.texts(v)
	case actorOnBehalfOf:
		if depth == record.MaxDelegation {
			d.fail(longChain)
			return
		}
		a.OnBehalfOf = new(audit.Actor)
		for _, kv := range d.members(v) {
			d.actorPart(a.OnBehalfOf, kv.GetKey(), kv.GetValue(), depth+1)
		}
	default:
		d.fail("a part of the actor is unknown")
	}
}

// maps decodes a list of maps. It calls read with the members of each.
func (d *logReader) maps(v *common.AnyValue, read func(members []*common.KeyValue)) {
	array, ok := v.GetValue().(*common.AnyValue_ArrayValue)
	if !ok {
		d.fail(wrongType)
		return
	}
	for _, element := range array.ArrayValue.GetValues() {
		read(d.members(element))
	}
}

func (d *logReader) change(members []*common.KeyValue) {
	var c audit.Change
	for _, kv := range members {
		switch kv.GetKey() {
		case changeField:
			c.Field = d.text(kv.GetValue())
		case changeOld:
			c.Old = d.value(kv.GetValue(), 0)
		case changeNew:
			c.New = d.value(kv.GetValue(), 0)
		case changeRedacted:
			c.Redacted = kv.GetValue().GetBoolValue()
		default:
			d.fail("a part of a change is unknown")
		}
	}
	d.record.Changes = append(d.record.Changes, c)
}

func (d *logReader) cover(members []*common.KeyValue) {
	var t audit.Target
	for _, kv := range members {
		switch kv.GetKey() {
		case targetType:
			t.Type = d.text(kv.GetValue())
		case targetID:
			t.ID = d.text(kv.GetValue())
		case targetName:
			t.Name = d.text(kv.GetValue())
		default:
			d.fail("a part of a target is unknown")
		}
	}
	d.record.Covers = append(d.record.Covers, t)
}

func (d *logReader) mark(members []*common.KeyValue) {
	var m mark.Mark
	for _, kv := range members {
		v := kv.GetValue()
		switch kv.GetKey() {
		case markPath:
			m.Path = d.text(v)
		case markKind:
			m.Kind = mark.Kind(d.text(v))
		case markCount:
			m.Count = d.int(v)
		case markLength:
			m.Length = d.int(v)
		case markSHA256:
			m.SHA256 = d.hash(v)
		default:
			d.fail("a part of a mark is unknown")
		}
	}
	d.record.Marks = append(d.record.Marks, m)
}

func (d *logReader) hash(v *common.AnyValue) (hash [32]byte) {
	sum, err := hex.DecodeString(d.text(v))
	if err != nil || len(sum) != len(hash) {
		d.fail("a hash in it does not have 64 hexadecimal digits")
		return hash
	}
	return [32]byte(sum)
}

func (d *logReader) int(v *common.AnyValue) int64 {
	n, ok := v.GetValue().(*common.AnyValue_IntValue)
	if !ok {
		d.fail(wrongType)
		return 0
	}
	return n.IntValue
}

func (d *logReader) id(v *common.AnyValue) (id audit.ID) {
	if err := id.UnmarshalText([]byte(d.text(v))); err != nil || id.IsZero() {
		d.fail("it is not an ID")
	}
	return id
}

func (d *logReader) text(v *common.AnyValue) string {
	s, ok := v.GetValue().(*common.AnyValue_StringValue)
	if !ok {
		d.fail(wrongType)
		return ""
	}
	return s.StringValue
}

func (d *logReader) texts(v *common.AnyValue) []string {
	list := d.value(v, 0)
	if list.Type() != attribute.STRINGSLICE {
		d.fail(wrongType)
		return nil
	}
	return list.AsStringSlice()
}

func (d *logReader) time(v *common.AnyValue) time.Time {
	t, err := time.Parse(time.RFC3339Nano, d.text(v))
	if err != nil {
		d.fail("it is not a time")
	}
	return t.UTC()
}

// constant is an enum of package audit.
type constant interface {
	~uint8
	Valid() bool
	String() string
}

// constantOf decodes the name of a constant.
func constantOf[T constant](d *logReader, v *common.AnyValue) T {
	s := d.text(v)
	for c := T(0); c.Valid(); c++ {
		if c.String() == s {
			return c
		}
	}
	d.fail(unknownWord)
	return 0
}
