package mongodb_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

func TestOddRecordsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, r := range exporttest.OddRecords() {
		roundTrip(t, r)
	}
}

// roundTrip checks that Unmarshal returns the record that Marshal encoded, and returns the
// document.
func roundTrip(t *testing.T, r *record.Record) bson.Raw {
	t.Helper()
	document, err := mongodb.Marshal(r)
	require.NoError(t, err, r.Action)
	require.NoError(t, document.Validate(), r.Action)
	back, err := mongodb.Unmarshal(document)
	require.NoError(t, err, r.Action)
	require.NoError(t, exporttest.Equal(r, back), r.Action)
	return document
}

// TestRandomRecordsRoundTrip is the property test of the mapping.
func TestRandomRecordsRoundTrip(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		roundTrip(t, randomRecord(rand.New(rand.NewPCG(seed, 1))))
	}
}

// randomRecord returns a record with random fields, any of which may be empty.
func randomRecord(rng *rand.Rand) *record.Record {
	r := &record.Record{}
	for i := range r.ID {
		r.ID[i] = byte(1 + rng.IntN(255))
	}
	r.Time = time.Unix(rng.Int64N(253402300800), rng.Int64N(1e9)).UTC()
	r.Action = pick(rng, "a", "invoice.approve", "article.line_1.update")
	r.Kind, r.Operation, r.Outcome = audit.Kind(rng.IntN(2)), audit.Operation(rng.IntN(8)), audit.Outcome(rng.IntN(4))
	r.Actor = randomActor(rng, 3)
	maybe(rng, func() { r.ObservedTime = r.Time.Add(time.Duration(rng.IntN(1e6))) })
	maybe(rng, func() { r.Target = audit.Target{Type: text(rng), ID: text(rng), Name: text(rng)} })
	maybe(rng, func() { r.Reason, r.Tenant, r.Channel = text(rng), text(rng), text(rng) })
	maybe(rng, func() { r.Metadata = randomPairs(rng, 3) })
	maybe(rng, func() { r.Overridden = randomPairs(rng, 1) })
	maybe(rng, func() {
		r.Resource = resource.NewSchemaless(attribute.String("service.name", text(rng)), attribute.Float64("f", math.NaN()))
	})
	maybe(rng, func() {
		r.Redacted, r.Marks = []string{"metadata.a", "reason"}, []mark.Mark{{Path: "x", Kind: mark.Cut, Length: 9, SHA256: [32]byte{1}}}
		r.Failure, r.Covers = text(rng), []audit.Target{{Type: text(rng) + "t", ID: text(rng)}}
	})
	maybe(rng, func() { r.TraceID[rng.IntN(16)], r.SpanID[rng.IntN(8)] = 1, 0xff })
	maybe(rng, func() { r.Tracker = record.Instrumentation{Name: text(rng), Version: text(rng)} })
	for range rng.IntN(3) {
		r.Changes = append(r.Changes, audit.Change{
			Field: text(rng), Old: randomValue(rng, 2), New: randomValue(rng, 2), Redacted: rng.IntN(2) == 0,
		})
	}
	return r
}

func maybe(rng *rand.Rand, do func()) {
	if rng.IntN(2) == 0 {
		do()
	}
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func text(rng *rand.Rand) string {
	return pick(rng, "", "x", "$set", "a.b", "é\x00\u2028", strings.Repeat("ü", rng.IntN(300)))
}

func randomActor(rng *rand.Rand, depth int) audit.Actor {
	a := audit.Actor{Type: audit.ActorType(1 + rng.IntN(5)), ID: text(rng), Name: text(rng), AuthMethod: text(rng)}
	maybe(rng, func() { a.SessionID, a.Roles = text(rng), []string{text(rng), "b"} })
	if depth > 0 && rng.IntN(3) == 0 {
		b := randomActor(rng, depth-1)
		a.OnBehalfOf = &b
	}
	return a
}

func randomPairs(rng *rand.Rand, depth int) []attribute.KeyValue {
	keys := []string{"", "$f", "a.b", "float", "k", "map", "slice", "z"}
	var kvs []attribute.KeyValue
	for _, k := range keys[:rng.IntN(len(keys)+1)] {
		kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(k), Value: randomValue(rng, depth)})
	}
	return kvs
}

func randomValue(rng *rand.Rand, depth int) attribute.Value {
	floats := []float64{0, 1, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), rng.NormFloat64()}
	kinds := 10
	if depth > 0 {
		kinds = 12
	}
	switch rng.IntN(kinds) {
	case 0:
		return attribute.Value{}
	case 1:
		return attribute.BoolValue(rng.IntN(2) == 0)
	case 2:
		return attribute.Int64Value(rng.Int64() - rng.Int64())
	case 3:
		return attribute.Float64Value(pick(rng, floats...))
	case 4:
		return attribute.StringValue(text(rng))
	case 5:
		return attribute.ByteSliceValue([]byte(text(rng)))
	case 6:
		return attribute.BoolSliceValue([]bool{true, false, true}[:rng.IntN(4)])
	case 7:
		return attribute.Int64SliceValue([]int64{1, math.MinInt64}[:rng.IntN(3)])
	case 8:
		return attribute.Float64SliceValue(slices.Clone(floats[:rng.IntN(8)]))
	case 9:
		return attribute.StringSliceValue([]string{text(rng), "b"}[:rng.IntN(3)])
	case 10:
		var elements []attribute.Value
		for range rng.IntN(4) {
			elements = append(elements, randomValue(rng, depth-1))
		}
		return attribute.SliceValue(elements...)
	default:
		return attribute.MapValue(randomPairs(rng, depth-1)...)
	}
}

// TestDocument shows a document as people query it by hand.
func TestDocument(t *testing.T) {
	t.Parallel()
	var id audit.ID
	require.NoError(t, id.UnmarshalText([]byte("0199c1f2-0000-7000-8000-000000000001")))
	at := time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)
	document := roundTrip(t, &record.Record{
		Event: audit.Event{
			ID: id, Time: at, Action: "article.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
			Actor:   audit.Actor{Type: audit.ActorUser, ID: "42", Name: "Alice", Roles: []string{"editor"}},
			Target:  audit.Target{Type: "article", ID: "1001"},
			Reason:  "editorial approval",
			Changes: []audit.Change{{Field: "title", Old: attribute.StringValue("Old"), New: attribute.StringValue("New")}},
			Metadata: []attribute.KeyValue{
				attribute.Float64("float", math.NaN()), attribute.String("http.route", "/articles/:id"),
				attribute.Slice("list", attribute.IntValue(1), attribute.StringSliceValue([]string{"a"})),
				attribute.Map("map", attribute.Int("a.b", 1)), attribute.StringSlice("none", nil),
			},
			Tenant: "acme",
		},
		ObservedTime: at.Add(time.Microsecond), Channel: "api", TraceID: [16]byte{0xab}, SpanID: [8]byte{0xcd},
		Resource: resource.NewSchemaless(attribute.String("service.name", "shop")),
	})
	assert.Equal(t, strings.Join([]string{
		`{"_id":{"$binary":{"base64":"AZnB8gAAcACAAAAAAAAAAQ==","subType":"04"}}`,
		`"time":{"$date":"2026-11-23T07:26:02.123Z"},"time_ns":456789`,
		`"observed_time":{"$date":"2026-11-23T07:26:02.123Z"},"observed_time_ns":457789`,
		`"kind":"intent","action":"article.update","operation":"update","outcome":"success"`,
		`"actor":{"type":"user","id":"42","name":"Alice","roles":["editor"]},"target":{"type":"article","id":"1001"}`,
		`"reason":"editorial approval","tenant":"acme","channel":"api"`,
		`"changes":[{"field":"title","old":"Old","new":"New"}]`,
		`"metadata":[{"k":"float","v":{"float":"NaN"}},{"k":"http.route","v":"/articles/:id"}`,
		`{"k":"list","v":{"slice":[1,{"array":["a"]}]}},{"k":"map","v":{"map":[{"k":"a.b","v":1}]}},{"k":"none","v":{"empty":"string"}}]`,
		`"trace_id":"ab000000000000000000000000000000","span_id":"cd00000000000000"`,
		`"resource":[{"k":"service.name","v":"shop"}]}`,
	}, ","), extendedJSON(t, document))
}

// extendedJSON returns relaxed extended JSON without spaces.
func extendedJSON(t *testing.T, document bson.Raw) string {
	t.Helper()
	text, err := bson.MarshalExtJSON(document, false, false)
	require.NoError(t, err)
	return string(text)
}

func TestMarshalErrors(t *testing.T) {
	t.Parallel()
	cycle := &audit.Actor{Type: audit.ActorUser, ID: "1"}
	cycle.OnBehalfOf = cycle
	deep := attribute.Int64Value(1)
	for range 65 {
		deep = attribute.SliceValue(deep)
	}
	for field, change := range map[string]func(r *record.Record){
		"id":        func(r *record.Record) { r.ID = audit.ID{} },
		"action":    func(r *record.Record) { r.Action = "Not An Action" },
		"kind":      func(r *record.Record) { r.Kind = 9 },
		"operation": func(r *record.Record) { r.Operation = 99 },
		"outcome":   func(r *record.Record) { r.Outcome = 99 },
		"time":      func(r *record.Record) { r.Time = time.Date(1969, 12, 31, 23, 59, 59, 999, time.UTC) },
		"observed_time": func(r *record.Record) {
			r.ObservedTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
		},
		"reason": func(r *record.Record) { r.Reason = "\xff" },
		"actor":  func(r *record.Record) { r.Actor.OnBehalfOf = cycle },
		"metadata": func(r *record.Record) {
			r.Metadata = []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("a", 2)}
		},
		"overridden": func(r *record.Record) { r.Overridden = []attribute.KeyValue{{Key: "a", Value: deep}} },
		"record":     func(r *record.Record) { r.Changes = []audit.Change{{Field: strings.Repeat("x", 16<<20)}} },
		"changes":    func(r *record.Record) { r.Changes = []audit.Change{{Field: "\xff"}} },
		"tracker":    func(r *record.Record) { r.Tracker.Name = "\xff" },
		"target":     func(r *record.Record) { r.Target.ID = "\xff" },
		"marks":      func(r *record.Record) { r.Marks = []mark.Mark{{Path: "\xff", Kind: "cut"}} },
		"failure":    func(r *record.Record) { r.Failure = "\xff" },
		"covers":     func(r *record.Record) { r.Covers = []audit.Target{{}} },
	} {
		r := exporttest.OddRecords()[0]
		change(r)
		document, err := mongodb.Marshal(r)
		assert.Nil(t, document, field)
		var invalid *audit.ValidationError
		if assert.ErrorAs(t, err, &invalid, field) {
			assert.Equal(t, field, invalid.Field)
		}
	}
}

func TestAppend(t *testing.T) {
	r := exporttest.OddRecords()[0]
	document, err := mongodb.Marshal(r)
	require.NoError(t, err)
	got, err := mongodb.Append([]byte("prefix"), r)
	require.NoError(t, err)
	assert.Equal(t, "prefix"+string(document), string(got))

	r.Action = "no action"
	got, err = mongodb.Append([]byte("prefix"), r)
	require.Error(t, err)
	assert.Equal(t, "prefix", string(got))
}

func TestMarshalSortsMetadata(t *testing.T) {
	t.Parallel()
	r := exporttest.OddRecords()[0]
	r.Metadata = []attribute.KeyValue{attribute.Int("b", 2), attribute.Int("a", 1)}
	document, err := mongodb.Marshal(r)
	require.NoError(t, err)
	assert.Equal(t, attribute.Key("b"), r.Metadata[0].Key, "Marshal must not modify the record")
	back, err := mongodb.Unmarshal(document)
	require.NoError(t, err)
	assert.Equal(t, attribute.Key("a"), back.Metadata[0].Key)
}

// TestUnmarshalErrors makes one change to a valid document.
func TestUnmarshalErrors(t *testing.T) {
	t.Parallel()
	type change = func(d bson.D) bson.D
	set := func(name string, v any) change {
		return func(d bson.D) bson.D {
			for i := range d {
				if d[i].Key == name {
					d[i].Value = v
					return d
				}
			}
			return append(d, bson.E{Key: name, Value: v})
		}
	}
	without := func(name string) change {
		return func(d bson.D) bson.D {
			return slices.DeleteFunc(d, func(e bson.E) bool { return e.Key == name })
		}
	}
	pairs := func(v any) change {
		return set("metadata", bson.A{bson.D{{Key: "k", Value: "a"}, {Key: "v", Value: v}}})
	}
	one := func(name string, v any) bson.D { return bson.D{{Key: name, Value: v}} }
	for name, c := range map[string]struct {
		change change
		path   string
	}{
		"no id":                  {without("_id"), "id"},
		"another id":             {set("_id", bson.NewObjectID()), "_id"},
		"an old UUID":            {set("_id", bson.Binary{Subtype: 3, Data: make([]byte, 16)}), "_id"},
		"no time":                {without("time"), "time"},
		"time is text":           {set("time", "2026-11-23"), "time"},
		"time before 1970":       {set("time", bson.DateTime(-1)), "time"},
		"no rest":                {without("time_ns"), "time_ns"},
		"a rest of another size": {set("time_ns", int32(1e6)), "time_ns"},
		"a negative rest":        {set("time_ns", int32(-1)), "time_ns"},
		"a rest of another type": {set("time_ns", int64(1)), "time_ns"},
		"half an observed time":  {without("observed_time"), "observed_time"},
		"the other half":         {without("observed_time_ns"), "observed_time_ns"},
		"no kind":                {without("kind"), "kind"},
		"no outcome":             {without("outcome"), "outcome"},
		"no action":              {without("action"), "action"},
		"no actor":               {without("actor"), "actor.type"},
		"another kind":           {set("kind", "guess"), "kind"},
		"outcome is a number":    {set("outcome", 1), "outcome"},
		"operation says nothing": {set("operation", ""), "operation"},
		"a member of tomorrow":   {set("signature", "x"), "signature"},
		"an empty reason":        {set("reason", ""), "reason"},
		"reason is a list":       {set("reason", bson.A{"x"}), "reason"},
		"a member twice":         {func(d bson.D) bson.D { return append(d, bson.E{Key: "kind", Value: "intent"}) }, "kind"},
		"actor is text":          {set("actor", "42"), "actor"},
		"actor of no type":       {set("actor", one("id", "42")), "actor.type"},
		"actor of another type":  {set("actor", one("type", "robot")), "actor.type"},
		"actor with a password":  {set("actor", bson.D{{Key: "type", Value: "user"}, {Key: "password", Value: "x"}}), "actor.password"},
		"roles are text":         {set("actor", bson.D{{Key: "type", Value: "user"}, {Key: "roles", Value: "x"}}), "actor.roles"},
		"roles are numbers":      {set("actor", bson.D{{Key: "type", Value: "user"}, {Key: "roles", Value: bson.A{1}}}), "actor.roles[0]"},
		"target with more":       {set("target", one("owner", "x")), "target.owner"},
		"trace is short":         {set("trace_id", "ab"), "trace_id"},
		"trace is upper case":    {set("trace_id", strings.Repeat("AB", 16)), "trace_id"},
		"trace is no hex":        {set("trace_id", strings.Repeat("xy", 16)), "trace_id"},
		"metadata is a document": {set("metadata", one("a", 1)), "metadata"},
		"metadata without k":     {set("metadata", bson.A{one("v", int64(1))}), "metadata[0]"},
		"metadata without v":     {set("metadata", bson.A{one("k", "a")}), "metadata[0]"},
		"metadata with more":     {set("metadata", bson.A{one("x", "a")}), "metadata[0].x"},
		"k is a number":          {set("metadata", bson.A{one("k", 1)}), "metadata[0].k"},
		"metadata out of order": {set("metadata", bson.A{
			bson.D{{Key: "k", Value: "b"}, {Key: "v", Value: nil}}, bson.D{{Key: "k", Value: "a"}, {Key: "v", Value: nil}},
		}), "metadata[1]"},
		"a short integer":       {pairs(int32(1)), "metadata[0].v"},
		"a decimal":             {pairs(bson.NewDecimal128(1, 1)), "metadata[0].v"},
		"other binary data":     {pairs(bson.Binary{Subtype: 5}), "metadata[0].v"},
		"a list of no type":     {pairs(bson.A{}), "metadata[0].v"},
		"a list of two types":   {pairs(bson.A{"a", int64(1)}), "metadata[0].v[1]"},
		"a list of lists":       {pairs(bson.A{bson.A{"a"}}), "metadata[0].v"},
		"a slice of arrays":     {pairs(one("slice", bson.A{bson.A{"a"}})), "metadata[0].v.slice[0]"},
		"a slice of wrong ones": {pairs(one("slice", bson.A{one("array", "a")})), "metadata[0].v.slice[0]"},
		"a free document":       {pairs(one("a", 1)), "metadata[0].v.a"},
		"two marks":             {pairs(bson.D{{Key: "float", Value: "NaN"}, {Key: "empty", Value: "bool"}}), "metadata[0].v"},
		"no mark":               {pairs(bson.D{}), "metadata[0].v"},
		"a plain double marked": {pairs(one("float", "1")), "metadata[0].v.float"},
		"an unknown empty one":  {pairs(one("empty", "x")), "metadata[0].v.empty"},
		"an array alone":        {pairs(one("array", bson.A{"a"})), "metadata[0].v.array"},
		"a change of nothing":   {set("changes", bson.A{one("old", nil)}), "changes[0].old"},
		"an unredacted change":  {set("changes", bson.A{one("redacted", false)}), "changes[0].redacted"},
		"a change with more":    {set("changes", bson.A{one("by", "x")}), "changes[0].by"},
		"a field of a number":   {set("changes", bson.A{one("field", 1)}), "changes[0].field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := exporttest.OddRecords()[0]
			document, err := mongodb.Marshal(r)
			require.NoError(t, err)
			var d bson.D
			require.NoError(t, bson.Unmarshal(document, &d))
			changed, err := bson.Marshal(c.change(d))
			require.NoError(t, err)
			_, err = mongodb.Unmarshal(changed)
			var wrong *mongodb.DocumentError
			require.ErrorAs(t, err, &wrong)
			assert.Equal(t, c.path, wrong.Path, wrong)
			assert.NotEmpty(t, wrong.Reason)
		})
	}
	_, err := mongodb.Unmarshal(bson.Raw("not BSON"))
	require.EqualError(t, err, "mongodb: document: it is not a BSON document")
}

// FuzzUnmarshal checks that a record survives Marshal and Unmarshal.
func FuzzUnmarshal(f *testing.F) {
	for _, r := range exporttest.OddRecords() {
		if document, err := mongodb.Marshal(r); err == nil && len(document) < 4096 {
			f.Add([]byte(document))
		}
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		r, err := mongodb.Unmarshal(document)
		if err != nil {
			var wrong *mongodb.DocumentError
			if !errors.As(err, &wrong) || wrong.Reason == "" {
				t.Fatalf("got %v", err)
			}
			return
		}
		again, err := mongodb.Marshal(r)
		if err != nil {
			t.Fatalf("Marshal of a record from Unmarshal: %v", err)
		}
		back, err := mongodb.Unmarshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if err := exporttest.Equal(r, back); err != nil {
			t.Fatal(err)
		}
	})
}
