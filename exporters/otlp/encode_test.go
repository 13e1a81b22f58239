package otlp

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
)

// request encodes records as one request.
func request(t testing.TB, records ...*record.Record) []byte {
	t.Helper()
	var e encoder
	e.begin()
	for _, r := range records {
		size, err := e.encode(r, export.Place{})
		require.NoError(t, err)
		e.add()
		require.LessOrEqual(t, e.size(), size)
	}
	return e.end()
}

func unmarshal(t testing.TB, request []byte) *collector.ExportLogsServiceRequest {
	t.Helper()
	var message collector.ExportLogsServiceRequest
	require.NoError(t, proto.UnmarshalOptions{DiscardUnknown: false}.Unmarshal(request, &message))
	return &message
}

func decode(t testing.TB, message *collector.ExportLogsServiceRequest) []*record.Record {
	t.Helper()
	var records []*record.Record
	for _, group := range message.GetResourceLogs() {
		decoded, err := Decode(group)
		require.NoError(t, err)
		records = append(records, decoded...)
	}
	return records
}

// requireLossless requires that a request is that of the generated code, byte for byte, and has
// the record. It returns the request.
func requireLossless(t *testing.T, r *record.Record, request []byte) *collector.ExportLogsServiceRequest {
	t.Helper()
	message := unmarshal(t, request)
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	require.NoError(t, err)
	require.Equal(t, again, request)
	got := decode(t, message)
	require.Len(t, got, 1)
	require.NoError(t, exporttest.Equal(r, got[0]))
	return message
}

// The encoding equals that of the generated code, byte for byte, and is lossless.
func TestEncodeOddRecords(t *testing.T) {
	records := exporttest.OddRecords()
	for _, r := range records {
		t.Run(r.Action, func(t *testing.T) {
			requireLossless(t, r, request(t, r))
		})
	}
	rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	got := decode(t, unmarshal(t, request(t, records...)))
	require.Len(t, got, len(records))
	for i := range records {
		assert.NoError(t, exporttest.Equal(records[i], got[i]))
	}
}

// The lengths of groups take one byte up to 127 bytes, two up to 16 KiB, three up to 2 MiB,
// and more above.
func TestEncodeManyRecords(t *testing.T) {
	odd := exporttest.OddRecords()
	for _, n := range []int{1, 2, 16, 100, 2_000, 20_000} {
		records := make([]*record.Record, n)
		for i := range records {
			records[i] = odd[0] // the others change the resource and the tracker, which starts groups
			if i%1000 == 999 {
				records[i] = odd[rand.N(len(odd))]
			}
		}
		b := request(t, records...)
		message := unmarshal(t, b)
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		require.NoError(t, err)
		require.True(t, slices.Equal(again, b), "of %d records", n)
		require.Len(t, decode(t, message), n)
	}
}

// A record that could not be decoded is rejected, with the name of the invalid field.
func TestInvalidRecords(t *testing.T) {
	bad := "\xff"
	cycle := audit.User("1")
	cycle.OnBehalfOf = &cycle
	deep := attribute.StringValue("x")
	for range record.MaxEncodedNesting + 1 {
		deep = attribute.SliceValue(deep)
	}
	tests := []struct {
		field  string
		change func(r *record.Record)
	}{
		{"id", func(r *record.Record) { r.ID = audit.ID{} }},
		{"time", func(r *record.Record) { r.Time = time.Time{} }},
		{"time", func(r *record.Record) { r.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"time", func(r *record.Record) { r.Time = time.Unix(0, -1) }},
		{"observed_time", func(r *record.Record) { r.ObservedTime = time.Unix(-1, 0) }},
		{"action", func(r *record.Record) { r.Action = "Not an action" }},
		{"kind", func(r *record.Record) { r.Kind = 9 }},
		{"operation", func(r *record.Record) { r.Operation = 99 }},
		{"outcome", func(r *record.Record) { r.Outcome = 99 }},
		{"actor", func(r *record.Record) { r.Actor.Type = audit.ActorNone }},
		{"actor", func(r *record.Record) { r.Actor.OnBehalfOf = &audit.Actor{} }},
		{"actor", func(r *record.Record) { r.Actor = cycle }},
		{"actor", func(r *record.Record) { r.Actor.Name = bad }},
		{"actor", func(r *record.Record) { r.Actor.Roles = []string{bad} }},
		{"target", func(r *record.Record) { r.Target.ID = bad }},
		{"reason", func(r *record.Record) { r.Reason = bad }},
		{"tenant", func(r *record.Record) { r.Tenant = bad }},
		{"channel", func(r *record.Record) { r.Channel = bad }},
		{"changes", func(r *record.Record) { r.Changes = []audit.Change{{Field: bad}} }},
		{"metadata", func(r *record.Record) { r.Metadata = []attribute.KeyValue{attribute.String("k", bad)} }},
		{"metadata", func(r *record.Record) {
			r.Metadata = []attribute.KeyValue{attribute.String("k", "1"), attribute.String("k", "2")}
		}},
		{"metadata", func(r *record.Record) { r.Metadata = []attribute.KeyValue{{Key: "k", Value: deep}} }},
		{"overridden", func(r *record.Record) { r.Overridden = []attribute.KeyValue{attribute.String(bad, "")} }},
		{"redacted", func(r *record.Record) { r.Redacted = []string{bad} }},
		{"marks", func(r *record.Record) { r.Marks = []mark.Mark{{Path: bad, Kind: "cut"}} }},
		{"marks", func(r *record.Record) { r.Marks = []mark.Mark{{Kind: "Cut"}} }},
		{"marks", func(r *record.Record) { r.Marks = []mark.Mark{{Kind: "cut", Length: -1}} }},
		{"covers", func(r *record.Record) { r.Covers = []audit.Target{{}} }},
		{"failure", func(r *record.Record) { r.Failure = bad }},
		{"tracker", func(r *record.Record) { r.Tracker.Version = bad }},
		{"resource", func(r *record.Record) { r.Resource = resource.NewSchemaless(attribute.String("k", bad)) }},
	}
	for _, test := range tests {
		var e encoder
		e.begin()
		r := exporttest.OddRecords()[0]
		test.change(r)
		_, err := e.encode(r, export.Place{})
		var invalid *audit.ValidationError
		require.ErrorAs(t, err, &invalid, test.field)
		assert.Equal(t, test.field, invalid.Field)
		assert.NotContains(t, err.Error(), bad)
		// It does not affect the next record.
		good := exporttest.OddRecords()[0]
		_, err = e.encode(good, export.Place{})
		require.NoError(t, err, test.field)
		e.add()
		got := decode(t, unmarshal(t, e.end()))
		require.Len(t, got, 1)
		require.NoError(t, exporttest.Equal(good, got[0]))
	}
}

// Metadata with the name of another attribute cannot replace it.
func TestMetadataCannotForge(t *testing.T) {
	r := exporttest.OddRecords()[0]
	r.Metadata = []attribute.KeyValue{
		attribute.String("", "empty"),
		attribute.String("audit.actor.id", "admin"),
		attribute.String("auditor", "plain"),
		attribute.String("z", "last"),
	}
	message := unmarshal(t, request(t, r))
	ids := 0
	for _, kv := range message.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()[0].GetAttributes() {
		if kv.GetKey() == attributeActorID {
			ids++
			assert.Equal(t, r.Actor.ID, kv.GetValue().GetStringValue())
		}
	}
	assert.Equal(t, 1, ids)
	got := decode(t, message)
	require.Len(t, got, 1)
	assert.NoError(t, exporttest.Equal(r, got[0]))
}

func TestDecodeErrors(t *testing.T) {
	tests := map[string]func(l *logs.LogRecord){
		"nothing":        func(l *logs.LogRecord) { proto.Reset(l) },
		"version":        func(l *logs.LogRecord) { set(l, attributeSchemaVersion, "2") },
		"event name":     func(l *logs.LogRecord) { l.EventName = "other" },
		"unknown":        func(l *logs.LogRecord) { set(l, "audit.new", "x") },
		"unknown actor":  func(l *logs.LogRecord) { set(l, "audit.actor.new", "x") },
		"outcome":        func(l *logs.LogRecord) { set(l, attributeOutcome, "perhaps") },
		"id":             func(l *logs.LogRecord) { set(l, attributeRecordID, "1") },
		"time":           func(l *logs.LogRecord) { set(l, attributeTime, "yesterday") },
		"type":           func(l *logs.LogRecord) { set(l, attributeChanges, "none") },
		"metadata":       func(l *logs.LogRecord) { set(l, attributeMetadata, "none") },
		"roles":          func(l *logs.LogRecord) { set(l, attributeActorRoles, "none") },
		"short trace id": func(l *logs.LogRecord) { l.TraceId = []byte{1} },
		"long span id":   func(l *logs.LogRecord) { l.SpanId = make([]byte, 9) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			good, bad := exporttest.OddRecords()[0], exporttest.OddRecords()[1]
			message := unmarshal(t, request(t, bad, good))
			group := message.GetResourceLogs()[0]
			change(group.GetScopeLogs()[0].GetLogRecords()[0])
			got, err := Decode(group)
			var wrong *RecordError
			require.ErrorAs(t, err, &wrong)
			assert.NotEmpty(t, wrong.Reason)
			require.Len(t, got, 1, "the other record is decoded")
			assert.NoError(t, exporttest.Equal(good, got[0]))
		})
	}
}

// set replaces or adds an attribute.
func set(l *logs.LogRecord, key, text string) {
	value := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: text}}
	for _, kv := range l.GetAttributes() {
		if kv.GetKey() == key {
			kv.Value = value
			return
		}
	}
	l.Attributes = append(l.Attributes, &common.KeyValue{Key: key, Value: value})
}

// Every record that Decode returns survives another round trip.
func FuzzDecode(f *testing.F) {
	for _, r := range exporttest.OddRecords() {
		f.Add(request(f, r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var message collector.ExportLogsServiceRequest
		if proto.Unmarshal(b, &message) != nil {
			return
		}
		for _, group := range message.GetResourceLogs() {
			records, _ := Decode(group)
			for _, r := range records {
				got := decode(t, unmarshal(t, request(t, r)))
				require.Len(t, got, 1)
				require.NoError(t, exporttest.Equal(r, got[0]))
			}
		}
	})
}

// A place is beside the record: Decode returns the same record, and PlaceOf the place.
func TestEncodePlaces(t *testing.T) {
	t.Parallel()
	want := export.Place{Log: "2f1c8a6e0b7d4e5f9a3b1c2d4e6f8091", Seq: 1<<63 - 1}
	for _, r := range exporttest.OddRecords() {
		var e encoder
		e.begin()
		_, err := e.encode(r, want)
		require.NoError(t, err)
		e.add()
		message := requireLossless(t, r, e.end())
		place, ok := PlaceOf(message.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()[0])
		require.True(t, ok)
		require.Equal(t, want, place)
		_, ok = PlaceOf(unmarshal(t, request(t, r)).GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()[0])
		require.False(t, ok)
	}
}
