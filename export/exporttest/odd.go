package exporttest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// OddRecords returns valid records that are easily stored wrong: values of every type and
// at every limit, texts with a special meaning in some sink or format, and every constant
// of every enum. The Action of each says what is odd about it, and each has its own ID.
// Each call returns new records with the same content.
func OddRecords() []*record.Record {
	o := oddRecords{}
	o.actors()
	o.enums()
	o.lists()
	o.identity()
	o.texts()
	o.values()
	return o.records
}

// oddRecords collects the records.
type oddRecords struct{ records []*record.Record }

// add adds a minimal record with the changes that set makes.
func (o *oddRecords) add(name string, set func(r *record.Record)) {
	n := 1000 + len(o.records)
	at := start.Add(time.Duration(n) * time.Millisecond)
	r := &record.Record{
		Event:        audit.Event{ID: id(at, n), Time: at, Action: "odd." + name, Actor: audit.User("42")},
		ObservedTime: at,
	}
	set(r)
	o.records = append(o.records, r)
}

func (o *oddRecords) actors() {
	o.add("nothing_else", func(*record.Record) {})
	o.add("service", func(r *record.Record) { r.Actor = audit.Service("billing") })
	o.add("system", func(r *record.Record) { r.Actor = audit.System("nightly-purge") })
	o.add("anonymous", func(r *record.Record) {
		r.Actor, r.Operation, r.Outcome = audit.Anonymous(), audit.OperationLogin, audit.OutcomeDenied
	})
	o.add("unresolved_signal", func(r *record.Record) {
		r.Kind, r.Actor.Type, r.Actor.ID = audit.KindSignal, audit.ActorUnresolved, ""
	})
	o.add("delegation", func(r *record.Record) {
		for n := range record.MaxDelegation {
			principal := r.Actor
			r.Actor = audit.Actor{
				Type: audit.ActorService, ID: strings.Repeat("x", n+1), Name: "Zoë", AuthMethod: "mtls",
				SessionID: "9f86d081884c7d65", Roles: []string{"", "a", "a"}, OnBehalfOf: &principal,
			}
		}
	})
}

func (o *oddRecords) enums() {
	for n, operation := range []audit.Operation{
		audit.OperationCreate, audit.OperationRead, audit.OperationUpdate, audit.OperationDelete,
		audit.OperationExecute, audit.OperationLogin, audit.OperationLogout,
	} {
		o.add("operation."+operation.String(), func(r *record.Record) {
			r.Operation, r.Outcome = operation, audit.Outcome(n%4)
		})
	}
	o.add("signal", func(r *record.Record) { r.Kind = audit.KindSignal })
}

func (o *oddRecords) lists() {
	o.add("changes", func(r *record.Record) {
		change := func(old, now attribute.Value) {
			r.Changes = append(r.Changes, audit.Change{Field: "lines.A-17#2.price", Old: old, New: now})
		}
		var none attribute.Value
		change(none, none)
		change(none, attribute.StringValue(""))
		change(attribute.Int64Value(0), none)
		change(attribute.Int64Value(1), attribute.Float64Value(1))
		change(attribute.StringSliceValue(nil), attribute.StringSliceValue([]string{""}))
		mask := attribute.StringValue(record.RedactedText)
		r.Changes = append(r.Changes, audit.Change{Field: "body", Old: mask, New: mask, Redacted: true})
		r.Changes = append(r.Changes, audit.Change{Field: "é.$field", Redacted: true})
	})
	o.add("overridden", func(r *record.Record) {
		r.Metadata = sorted(attribute.String("client.address", "10.0.0.1"))
		r.Overridden = sorted(attribute.String("client.address", "203.0.113.7"), attribute.Float64("count", 1))
	})
	o.add("bulk", func(r *record.Record) {
		r.Target.Type = "article"
		r.Bulk = audit.Bulk{Selector: oddText, Affected: record.MaxAffected, Sample: []string{"", "1", "1", oddLine}}
	})
	o.add("bulk.nothing_affected", func(r *record.Record) {
		r.Target.Type, r.Bulk.Selector = "article", "{}"
	})
	o.add("attempt", func(r *record.Record) { r.Attempt = r.ID })
	o.add("attempt.end", func(r *record.Record) { r.Attempt = id(start, 1) })
	o.add("redacted_and_marked", func(r *record.Record) {
		r.Redacted = []string{"metadata.a", "metadata.password", "reason"}
		r.Marks = []mark.Mark{
			{Kind: mark.SignalOverflow},
			{Path: "actor.name", Kind: "a_kind.from.a_later.version2", Count: 1, Length: 1},
			{Path: "metadata", Kind: mark.Dropped, Count: record.MaxCount},
			{Path: "metadata[300 bytes]", Kind: mark.Escaped},
			{Path: "reason", Kind: mark.Cut, Length: 71680, SHA256: [32]byte{0: 0x0a, 31: 0xff}},
			{Path: "reason", Kind: mark.Unread, Length: record.MaxCount},
		}
	})
	o.add("covers", func(r *record.Record) {
		r.Target.Type = "article"
		r.Covers = []audit.Target{
			{Type: "article", ID: "1"}, {Type: "article", ID: "1"}, {Type: "tag", Name: "b"}, {Type: oddLine, ID: oddLine, Name: oddLine},
		}
	})
	o.add("many_metadata", func(r *record.Record) {
		for n := range 256 {
			r.Metadata = append(r.Metadata, attribute.Int(string(rune('Ā'+n)), n))
		}
	})
}

func (o *oddRecords) identity() {
	first, last := time.Unix(0, 0).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	o.add("first_time", func(r *record.Record) { r.Time, r.ObservedTime = first, first.Add(1) })
	o.add("last_time", func(r *record.Record) { r.Time, r.ObservedTime = last, last })
	o.add("whole_second", func(r *record.Record) { r.Time = start.Truncate(time.Second) })
	o.add("id", func(r *record.Record) {
		for i := range r.ID {
			r.ID[i] = 0xff
		}
	})
	o.add("trace", func(r *record.Record) { r.TraceID, r.SpanID = [16]byte{15: 1}, [8]byte{7: 1} })
	o.add("tracker", func(r *record.Record) { r.Tracker.Version = "v0.0.0-é" })
	o.add("resource", func(r *record.Record) {
		r.Resource = resource.NewSchemaless(
			attribute.Int("process.pid", 1), attribute.Float64("load", 1), attribute.StringSlice("tags", nil),
		)
	})
	o.add("empty_resource", func(r *record.Record) { r.Resource = resource.Empty() })
}

// oddText survives only if nothing interprets it. It has quotes, line ends, characters
// that HTML and JavaScript escape, a byte order mark, direction controls, joined and
// combining characters, and the last code point.
const oddText = "\"'`\\ \t\n\r </script>&amp; \u2028\u2029 \ufeff \u202eevil\u2066 👨\u200d👩 e\u0301 \u00e9 İı \ufffd \U0010ffff %s ${x} {{.}} \\u0000"

// oddLine is such a text of one line.
const oddLine = "\"'`\\ <&> \u2028 \ufeff \u202eevil 👨\u200d👩 e\u0301 \ufffd \U0010ffff"

// oddKeys are keys with a special meaning in some sink, format or language.
var oddKeys = []string{
	"$set", "$where", "$f", "_id", "__proto__", "a", "a.", "a.b", "A", ".", "*", "0", "00", "id", "time", "action",
	"e\u0301", "\u00e9", // look the same
	"\ufffd", "\U00010000", // sorted as in UTF-8, unlike in UTF-16
	"\u2028", "\"", "\\", "</script>",
}

func (o *oddRecords) texts() {
	o.add("text", func(r *record.Record) {
		r.Reason, r.Failure = oddText, oddText
		r.Actor = audit.Actor{Type: audit.ActorUser, ID: oddLine, Name: oddLine, AuthMethod: oddLine, Roles: []string{oddLine}}
		r.Target = audit.Target{Type: oddLine, ID: oddLine, Name: oddLine}
		r.Tenant, r.Channel = oddLine, oddLine
		r.Tracker = record.Instrumentation{Name: oddLine, Version: oddLine}
		r.Changes = []audit.Change{{Field: oddLine, Old: attribute.StringValue(oddText), New: attribute.StringValue(oddLine)}}
		r.Metadata = sorted(attribute.String(oddLine, oddText))
	})
	o.add("long_text", func(r *record.Record) {
		name := strings.Repeat("n", record.MaxNameLength)
		r.Actor.Name, r.Target = name, audit.Target{Type: "article", ID: name, Name: name}
		r.Reason = strings.Repeat("€", 19<<10) // of three bytes each
		r.Metadata = sorted(attribute.String(strings.Repeat("k", record.MaxKeyLength), "v"))
	})
	o.add(strings.Repeat("a", record.MaxActionLength-len("odd.")), func(*record.Record) {})
	o.add("keys", func(r *record.Record) {
		members := make([]attribute.KeyValue, 0, len(oddKeys))
		for _, key := range oddKeys {
			members = append(members, attribute.String(key, key))
		}
		r.Metadata = sorted(append(members, attribute.KeyValue{Key: "map", Value: attribute.MapValue(members...)})...)
	})
}

func (o *oddRecords) values() {
	for _, odd := range oddValues {
		o.add(odd.name, func(r *record.Record) {
			for n, v := range odd.values {
				key := fmt.Sprintf("value.%02d", n)
				r.Metadata = append(r.Metadata, attribute.KeyValue{Key: attribute.Key(key), Value: v})
				r.Changes = append(r.Changes, audit.Change{Field: key, Old: odd.values[0], New: v})
			}
		})
	}
}

// sorted sorts attributes by key, as in the metadata of a record.
func sorted(kvs ...attribute.KeyValue) []attribute.KeyValue {
	slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	return kvs
}
