package record_test

import (
	"crypto/sha256"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// smallRecord returns a record with the required fields only.
func smallRecord() *record.Record {
	return &record.Record{Event: audit.Event{
		ID:     audit.ID{0x01, 0x99, 0xc1, 0xf2, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1},
		Time:   time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC),
		Action: "article.update",
		Actor:  audit.User("42"),
	}}
}

// fullRecord returns the example in the documentation.
func fullRecord() *record.Record {
	r := smallRecord()
	r.ObservedTime = r.Time
	r.Actor = audit.Actor{
		Type: audit.ActorUser, ID: "42", Name: "Alice", AuthMethod: "jwt", SessionID: "9f86d081884c7d65",
		Roles: []string{"editor"}, OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "7"},
	}
	r.Changes = []audit.Change{
		{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")},
		{
			Field: "body", Old: attribute.StringValue("***REDACTED***"), New: attribute.StringValue("***REDACTED***"),
			Redacted: true,
		},
	}
	r.Channel = "api"
	r.Metadata = []attribute.KeyValue{
		attribute.String("client.address", "10.0.0.1"),
		attribute.String("http.request.method", "PATCH"),
		attribute.String("http.route", "/articles/:id"),
	}
	r.Operation = audit.OperationUpdate
	r.Outcome = audit.OutcomeSuccess
	r.Overridden = []attribute.KeyValue{attribute.String("client.address", "203.0.113.7")}
	r.Reason = "editorial approval"
	r.Redacted = []string{"metadata.password"}
	r.Resource = resource.NewSchemaless(attribute.String("service.name", "shop"))
	r.SpanID = trace.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}
	r.Target = audit.Target{Type: "article", ID: "1001", Name: "Hello"}
	r.Tenant = "acme"
	r.TraceID = trace.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36}
	r.Tracker = record.Instrumentation{Name: "example.com/shop/articles", Version: "1.2.0"}
	return r
}

func signalRecord() *record.Record {
	r := smallRecord()
	r.Kind = audit.KindSignal
	r.Actor = audit.Actor{Type: audit.ActorUnresolved}
	r.Action = "a0._.z"
	r.Operation = audit.OperationDelete
	r.Outcome = audit.OutcomeDenied
	r.Time = time.Unix(0, 0).UTC()
	r.ObservedTime = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	r.Marks = []mark.Mark{
		{Kind: mark.SignalOverflow},
		{Path: "metadata", Kind: mark.Dropped, Count: 337},
		{Path: "metadata.a", Kind: "a_later.kind2"},
		{Path: "reason", Kind: mark.Cut, Length: 71680, SHA256: sha256.Sum256([]byte("reason"))},
	}
	r.Target.Type = "article"
	r.Tracker.Version = "v0"
	r.Changes = []audit.Change{{}, {Field: "a", Old: attribute.Int64Value(1)}, {Field: "a", New: attribute.BoolValue(false)}}
	return r
}

func bulkRecord() *record.Record {
	r := smallRecord()
	r.Attempt = audit.ID{0x01, 0x99, 0xc1, 0xf2, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 2}
	r.Bulk = audit.Bulk{Selector: "status=draft", Affected: record.MaxAffected, Sample: []string{"1", "", "2"}}
	r.Target.Type = "article"
	return r
}

func failedRecord() *record.Record {
	r := smallRecord()
	r.Operation, r.Outcome = audit.OperationUpdate, audit.OutcomeFailure
	r.Target = audit.Target{Type: "article", ID: "1001"}
	r.Covers = []audit.Target{{Type: "author", ID: "7", Name: "Alice"}, {Type: "tag"}}
	r.Reason, r.Failure = "a typo", "the disk is full"
	return r
}

func textRecord() *record.Record {
	r := smallRecord()
	r.Reason = "\x00\x01\b\t\n\v\f\r\x1f \"\\/<>&'\x7f\u0080\u2028\u2029é漢\ufffd\uffff\U0001f512"
	r.Metadata = []attribute.KeyValue{ // in the order of their bytes
		attribute.Int("", 1),
		attribute.Int("\n", 2),
		attribute.Int("$i", 3),
		attribute.Int("a", 4),
		attribute.Int("a\"", 5),
		attribute.Int("aa", 6),
		attribute.Int("é", 7),
		attribute.Int("\ud7ff", 8),
		attribute.Int("\ue000", 9),
		attribute.Int("\uffff", 10),
		attribute.Int("\U00010000", 11),
		attribute.Int("\U0010ffff", 12),
	}
	r.Resource = resource.NewSchemaless(attribute.String("\\\"", "\\\"}"))
	return r
}

func valuesRecord() *record.Record {
	r := smallRecord()
	r.Metadata = []attribute.KeyValue{
		{Key: "array of bools", Value: attribute.BoolSliceValue([]bool{true, false})},
		{Key: "array of floats", Value: attribute.Float64SliceValue([]float64{0.5, 1, math.Inf(1)})},
		{Key: "array of ints", Value: attribute.Int64SliceValue([]int64{1, math.MinInt64})},
		{Key: "array of strings", Value: attribute.StringSliceValue([]string{"a", ""})},
		{Key: "bool", Value: attribute.BoolValue(true)},
		{Key: "bytes", Value: attribute.ByteSliceValue([]byte{0, 0xfe, 0xff})},
		{Key: "empty"},
		{Key: "empty bools", Value: attribute.BoolSliceValue(nil)},
		{Key: "empty bytes", Value: attribute.ByteSliceValue(nil)},
		{Key: "empty floats", Value: attribute.Float64SliceValue(nil)},
		{Key: "empty ints", Value: attribute.Int64SliceValue(nil)},
		{Key: "empty map", Value: attribute.MapValue()},
		{Key: "empty slice", Value: attribute.SliceValue()},
		{Key: "empty string", Value: attribute.StringValue("")},
		{Key: "empty strings", Value: attribute.StringSliceValue(nil)},
		{Key: "float", Value: attribute.Float64Value(-1.5)},
		{Key: "float that is great", Value: attribute.Float64Value(1e21)},
		{Key: "float that is infinite", Value: attribute.Float64Value(math.Inf(-1))},
		{Key: "float that is integral", Value: attribute.Float64Value(1)},
		{Key: "float that is no number", Value: attribute.Float64Value(math.NaN())},
		{Key: "float that is small", Value: attribute.Float64Value(1e-7)},
		{Key: "float that is the negative zero", Value: attribute.Float64Value(math.Copysign(0, -1))},
		{Key: "int", Value: attribute.Int64Value(-1)},
		{Key: "int that is great", Value: attribute.Int64Value(1<<53 - 1)},
		{Key: "int that is greater", Value: attribute.Int64Value(1 << 53)},
		{Key: "map", Value: attribute.MapValue(attribute.Int("a", 1), attribute.Int("$b", 2))},
		{Key: "map that looks like a marker", Value: attribute.MapValue(attribute.Int("$f", 1))},
		{Key: "slice", Value: attribute.SliceValue(attribute.Int64Value(1), attribute.Float64Value(1), attribute.Value{})},
		{Key: "slice of ints", Value: attribute.SliceValue(attribute.Int64Value(1), attribute.Int64Value(2))},
		{Key: "slice of slices", Value: attribute.SliceValue(attribute.SliceValue(), attribute.Int64SliceValue([]int64{1}))},
	}
	return r
}

// golden returns the records of testdata/json, which are examples for readers in other
// languages. The files are the contract, and are never generated from the code.
func golden() map[string]*record.Record {
	return map[string]*record.Record{
		"bulk":   bulkRecord(),
		"small":  smallRecord(),
		"full":   fullRecord(),
		"failed": failedRecord(),
		"signal": signalRecord(),
		"text":   textRecord(),
		"values": valuesRecord(),
	}
}

func goldenText(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return strings.TrimSuffix(string(text), "\n")
}

func TestRecordJSONGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, len(golden()))
	for name, r := range golden() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := goldenText(t, name)
			got, err := r.AppendJSON(nil)
			require.NoError(t, err)
			assert.Equal(t, want, string(got))
			assert.True(t, json.Valid(got))

			var back record.Record
			require.NoError(t, back.UnmarshalJSON([]byte(want)))
			assertSame(t, r, &back)
		})
	}
}

// TestRecordJSONDocumented reads the examples in the documentation of the format.
func TestRecordJSONDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "record-format.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```json\n")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "```")
	var r record.Record
	require.NoError(t, r.UnmarshalJSON([]byte(example)))
	assertSame(t, fullRecord(), &r)

	rows := regexp.MustCompile("(?m)^\\| `(.+)` \\| ([A-Z0-9]+) \\|").FindAllStringSubmatch(string(text), -1)
	require.Len(t, rows, 26)
	for _, row := range rows {
		v := readValue(t, row[1])
		assert.Equal(t, row[2], v.Type().String(), row[1])
		assert.Equal(t, row[1], valueText(t, v))
	}
}

func TestAppendJSONAppends(t *testing.T) {
	t.Parallel()
	b, err := smallRecord().AppendJSON([]byte("x"))
	require.NoError(t, err)
	assert.Equal(t, "x"+goldenText(t, "small"), string(b))
}

// TestUnmarshalJSONReplaces reads into a record that is not empty.
func TestUnmarshalJSONReplaces(t *testing.T) {
	t.Parallel()
	r := fullRecord()
	require.NoError(t, r.UnmarshalJSON([]byte(goldenText(t, "small"))))
	assertSame(t, smallRecord(), r)
}

// TestAppendJSONSorts encodes a record with unsorted metadata, which must not change.
func TestAppendJSONSorts(t *testing.T) {
	t.Parallel()
	r := textRecord()
	n := len(r.Metadata)
	for i := range n / 2 {
		r.Metadata[i], r.Metadata[n-1-i] = r.Metadata[n-1-i], r.Metadata[i]
	}
	before := r.Clone()
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	assert.Equal(t, goldenText(t, "text"), string(b))
	assert.Equal(t, before, r)
}

func TestAppendJSONRejects(t *testing.T) {
	t.Parallel()
	const invalid = "secret\xff"
	chain := func(n int) audit.Actor {
		a := audit.User("1")
		for range n {
			next := a
			a = audit.Actor{Type: audit.ActorService, ID: "1", OnBehalfOf: &next}
		}
		return a
	}
	tests := []struct {
		name   string
		change func(r *record.Record)
		field  string
	}{
		{"no id", func(r *record.Record) { r.ID = audit.ID{} }, "id"},
		{"no action", func(r *record.Record) { r.Action = "" }, "action"},
		{"bad action", func(r *record.Record) { r.Action = "secret Thing" }, "action"},
		{"no actor", func(r *record.Record) { r.Actor.Type = audit.ActorNone }, "actor.type"},
		{"unknown actor type", func(r *record.Record) { r.Actor.Type = 99 }, "actor.type"},
		{"on behalf of none", func(r *record.Record) { r.Actor.OnBehalfOf = &audit.Actor{ID: "1"} }, "actor.on_behalf_of.type"},
		{"too many actors", func(r *record.Record) { r.Actor = chain(record.MaxDelegation + 1) }, "actor" + strings.Repeat(".on_behalf_of", 9)},
		{"a circular chain", func(r *record.Record) { r.Actor.OnBehalfOf = &r.Actor }, "actor" + strings.Repeat(".on_behalf_of", 9)},
		{"unknown kind", func(r *record.Record) { r.Kind = 99 }, "kind"},
		{"unknown operation", func(r *record.Record) { r.Operation = 99 }, "operation"},
		{"unknown outcome", func(r *record.Record) { r.Outcome = 99 }, "outcome"},
		{"no time", func(r *record.Record) { r.Time = time.Time{} }, "time"},
		{"time before 1970", func(r *record.Record) { r.Time = time.Unix(0, -1) }, "time"},
		{"time after 9999", func(r *record.Record) { r.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "time"},
		{"observed after 9999", func(r *record.Record) { r.ObservedTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "observed_time"},

		{"invalid reason", func(r *record.Record) { r.Reason = invalid }, "reason"},
		{"invalid tenant", func(r *record.Record) { r.Tenant = invalid }, "tenant"},
		{"invalid channel", func(r *record.Record) { r.Channel = invalid }, "channel"},
		{"invalid actor id", func(r *record.Record) { r.Actor.ID = invalid }, "actor.id"},
		{"invalid role", func(r *record.Record) { r.Actor.Roles = []string{"a", invalid} }, "actor.roles[1]"},
		{"invalid name of a principal", func(r *record.Record) {
			r.Actor = chain(2)
			r.Actor.OnBehalfOf.OnBehalfOf.Name = invalid
		}, "actor.on_behalf_of.on_behalf_of.name"},
		{"invalid target", func(r *record.Record) { r.Target.Name = invalid }, "target.name"},
		{"invalid tracker", func(r *record.Record) { r.Tracker.Version = invalid }, "tracker.version"},
		{"invalid mark", func(r *record.Record) { r.Marks = []mark.Mark{{Path: invalid, Kind: "cut"}} }, "marks[0].path"},
		{"a mark without a kind", func(r *record.Record) { r.Marks = []mark.Mark{{Path: "reason"}} }, "marks[0].mark"},
		{"a mark of a malformed kind", func(r *record.Record) { r.Marks = []mark.Mark{{Kind: "Cut"}} }, "marks[0].mark"},
		{"a negative count", func(r *record.Record) { r.Marks = []mark.Mark{{Kind: "cut", Count: -1}} }, "marks[0].count"},
		{"a length that is too great", func(r *record.Record) { r.Marks = []mark.Mark{{Kind: "cut", Length: record.MaxCount + 1}} }, "marks[0].length"},
		{"invalid failure", func(r *record.Record) { r.Failure = invalid }, "failure"},
		{"invalid covers", func(r *record.Record) { r.Covers = []audit.Target{{Type: "a"}, {ID: invalid}} }, "covers[1].id"},
		{"an empty target in covers", func(r *record.Record) { r.Covers = []audit.Target{{}} }, "covers"},
		{"invalid redacted", func(r *record.Record) { r.Redacted = []string{invalid} }, "redacted[0]"},
		{"invalid field", func(r *record.Record) { r.Changes = []audit.Change{{Field: "\xff"}} }, "changes[0].field"},
		{"invalid change", func(r *record.Record) {
			r.Changes = []audit.Change{{Field: "f", New: attribute.StringValue(invalid)}}
		}, "changes[0].new"},
		{"invalid key", func(r *record.Record) { r.Metadata = []attribute.KeyValue{attribute.Int("\xff", 1)} }, "metadata"},
		{"invalid value", func(r *record.Record) {
			r.Metadata = []attribute.KeyValue{attribute.Int("a", 1), attribute.String("b", invalid)}
		}, "metadata.b"},
		{"invalid text in a slice", func(r *record.Record) {
			r.Overridden = []attribute.KeyValue{attribute.StringSlice("a", []string{invalid})}
		}, "overridden.a[0]"},
		{"invalid key in a map", func(r *record.Record) {
			r.Metadata = []attribute.KeyValue{attribute.Map("a", attribute.Int("b", 1), attribute.Int(invalid, 1))}
		}, "metadata.a"},
		{"invalid resource", func(r *record.Record) {
			r.Resource = resource.NewSchemaless(attribute.String("service.name", invalid))
		}, "resource.service.name"},
		{"repeated key", func(r *record.Record) {
			r.Metadata = []attribute.KeyValue{attribute.Int("b", 1), attribute.Int("a", 1), attribute.Int("b", 2)}
		}, "metadata.b"},
		{"repeated key in a map", func(r *record.Record) {
			r.Metadata = []attribute.KeyValue{attribute.Map("a", attribute.Int("b", 1), attribute.Int("b", 2))}
		}, "metadata.a.b"},
		{"nested too deeply", func(r *record.Record) {
			r.Metadata = []attribute.KeyValue{{Key: "a", Value: nestedSlices(65)}}
		}, "metadata.a" + strings.Repeat("[0]", 64)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := smallRecord()
			tt.change(r)
			b, err := r.AppendJSON([]byte("kept"))
			assert.Equal(t, "kept", string(b))
			var invalid *audit.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tt.field, invalid.Field)
			assert.NotEmpty(t, invalid.Reason)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAppendJSONLongestChain(t *testing.T) {
	t.Parallel()
	r := smallRecord()
	for range record.MaxDelegation {
		next := r.Actor
		r.Actor = audit.Actor{Type: audit.ActorService, ID: "1", OnBehalfOf: &next}
	}
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	var back record.Record
	require.NoError(t, back.UnmarshalJSON(b))
	assertSame(t, r, &back)
}

func TestRecordInEncodingJSON(t *testing.T) {
	t.Parallel()
	type page struct {
		Records []record.Record
		One     *record.Record
		None    *record.Record
	}
	in := page{Records: []record.Record{*textRecord()}, One: valuesRecord()}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	var out page
	require.NoError(t, json.Unmarshal(text, &out))
	require.Len(t, out.Records, 1)
	assertSame(t, &in.Records[0], &out.Records[0])
	assertSame(t, in.One, out.One)
	assert.Nil(t, out.None)

	in.One.ID = audit.ID{}
	_, err = json.Marshal(in)
	var invalid *audit.ValidationError
	require.ErrorAs(t, err, &invalid)
	err = json.Unmarshal([]byte(`{"One":{}}`), &out)
	var bad *record.FormatError
	require.ErrorAs(t, err, &bad)
}

func TestAppendJSONTimeZones(t *testing.T) {
	t.Parallel()
	r := smallRecord()
	r.Time = time.Date(2024, 2, 29, 23, 30, 1, 1, time.FixedZone("", -3600))
	r.ObservedTime = time.Now() // with a monotonic reading
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	assert.Contains(t, string(b), `"time":"2024-03-01T00:30:01.000000001Z"`)
	var back record.Record
	require.NoError(t, back.UnmarshalJSON(b))
	assertSame(t, r, &back)
	assert.Equal(t, time.UTC, back.Time.Location())
}
