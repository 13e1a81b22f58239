package record_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
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
)

// FuzzRecordJSON reads arbitrary texts. An accepted text has the same content as the
// canonical JSON of its record, which decodes to the same record.
func FuzzRecordJSON(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	for _, value := range []string{`{"$i":"9007199254740992"}`, `{"$m":{"$x":[1e+21,"\ud83d\udd12"]}}`, `{"$a":[true]}`, `{"b":1,"a":1}`} {
		f.Add([]byte(withValue(f, value)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r record.Record
		if err := r.UnmarshalJSON(text); err != nil {
			var bad *record.FormatError
			require.ErrorAs(t, err, &bad)
			require.True(t, 0 <= bad.Offset && bad.Offset <= len(text))
			require.NotEmpty(t, bad.Reason)
			require.Equal(t, record.Record{}, r)
			return
		}
		canonical, err := r.AppendJSON(nil)
		require.NoError(t, err)
		var again record.Record
		require.NoError(t, again.UnmarshalJSON(canonical))
		assertSame(t, &r, &again)
		twice, err := again.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(canonical), string(twice))
		require.Equal(t, content(t, text), content(t, canonical))
	})
}

// content returns the content of a text according to encoding/json, with numbers as
// written.
func content(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	return v
}

// FuzzRecordRoundTrip encodes and decodes records that are made from the input.
func FuzzRecordRoundTrip(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("what the dice say when they are read from a text that is long enough to throw them often"))
	for seed := range 8 {
		dice := make([]byte, 512)
		for i := range dice {
			dice[i] = byte((i*i + seed*31 + i*seed) * 37)
		}
		f.Add(dice)
	}
	f.Fuzz(func(t *testing.T, dice []byte) {
		d := dicer{dice}
		r := d.record()
		text, err := r.AppendJSON(nil)
		require.NoError(t, err)
		require.True(t, json.Valid(text))
		var back record.Record
		require.NoError(t, back.UnmarshalJSON(text))
		assertSame(t, r, &back)
		again, err := back.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	})
}

// dicer makes records from bytes. After the last byte it uses zeros.
type dicer struct{ dice []byte }

func (d *dicer) n(sides int) int {
	if len(d.dice) == 0 {
		return 0
	}
	n := int(d.dice[0]) % sides
	d.dice = d.dice[1:]
	return n
}

func (d *dicer) bits() uint64 {
	var raw [8]byte
	n := copy(raw[:], d.dice)
	d.dice = d.dice[n:]
	return binary.LittleEndian.Uint64(raw[:])
}

func (d *dicer) text() string {
	var b strings.Builder
	for range d.n(12) {
		switch d.n(6) {
		case 0:
			b.WriteRune(rune(d.bits() % 0x110000)) // half a surrogate pair becomes U+FFFD
		case 1:
			b.WriteByte("\x00\n\"\\/$\x7f\x1f"[d.n(8)])
		case 2:
			b.WriteRune([]rune("\ue000\uffff\U00010000\U0010ffffé漢")[d.n(6)])
		default:
			b.WriteByte("abcdefghijklmnop. "[d.n(18)])
		}
	}
	return b.String()
}

func (d *dicer) texts() []string { return list(d, 4, d.text) }

func list[T any](d *dicer, sides int, throw func() T) []T {
	var all []T
	for range d.n(sides) {
		all = append(all, throw())
	}
	return all
}

func (d *dicer) time() time.Time {
	return time.Unix(int64(d.bits()%253402300800), int64(d.bits()%1e9)).In(time.FixedZone("", d.n(100)*600))
}

func (d *dicer) float() float64 {
	switch d.n(3) {
	case 0:
		return math.Float64frombits(d.bits())
	case 1:
		return float64(d.n(5) - 2)
	}
	return math.Pow(10, float64(d.n(60)-30))
}

func (d *dicer) int() int64 { return int64(d.bits()) >> d.n(64) }

func (d *dicer) bool() bool { return d.n(2) == 1 }

func (d *dicer) value(depth int) attribute.Value {
	kinds := 12
	if depth > 6 {
		kinds = 10
	}
	switch d.n(kinds) {
	case 0:
		return attribute.StringValue(d.text())
	case 1:
		return attribute.Value{}
	case 2:
		return attribute.BoolValue(d.bool())
	case 3:
		return attribute.Int64Value(d.int())
	case 4:
		return attribute.Float64Value(d.float())
	case 5:
		return attribute.BoolSliceValue(list(d, 6, d.bool))
	case 6:
		return attribute.Int64SliceValue(list(d, 6, d.int))
	case 7:
		return attribute.Float64SliceValue(list(d, 6, d.float))
	case 8:
		return attribute.StringSliceValue(d.texts())
	case 9:
		return attribute.ByteSliceValue([]byte(d.text()))
	case 10:
		return attribute.SliceValue(list(d, 8, func() attribute.Value { return d.value(depth + 1) })...)
	}
	return attribute.MapValue(d.attributes(depth + 1)...)
}

func (d *dicer) attributes(depth int) []attribute.KeyValue {
	kvs := list(d, 20, func() attribute.KeyValue {
		return attribute.KeyValue{Key: attribute.Key([]string{"", "$"}[d.n(2)] + d.text()), Value: d.value(depth)}
	})
	seen := map[attribute.Key]bool{}
	return slices.DeleteFunc(kvs, func(kv attribute.KeyValue) bool {
		repeated := seen[kv.Key]
		seen[kv.Key] = true
		return repeated
	})
}

func (d *dicer) actor(depth int) audit.Actor {
	a := audit.Actor{
		Type: audit.ActorUser + audit.ActorType(d.n(5)),
		ID:   d.text(), Name: d.text(), AuthMethod: d.text(), SessionID: d.text(), Roles: d.texts(),
	}
	if depth < record.MaxDelegation && d.n(3) == 1 {
		next := d.actor(depth + 1)
		a.OnBehalfOf = &next
	}
	return a
}

func (d *dicer) record() *record.Record {
	r := &record.Record{
		Event: audit.Event{
			ID:        audit.ID{1, byte(d.n(256))},
			Time:      d.time(),
			Kind:      audit.Kind(d.n(2)),
			Action:    "a." + strings.Repeat("x", 1+d.n(20)),
			Operation: audit.Operation(d.n(8)),
			Actor:     d.actor(0),
			Target:    audit.Target{Type: d.text(), ID: d.text(), Name: d.text()},
			Outcome:   audit.Outcome(d.n(4)),
			Reason:    d.text(),
			Failure:   d.text(),
			Covers:    list(d, 3, func() audit.Target { return audit.Target{Type: d.text() + "t", ID: d.text(), Name: d.text()} }),
			Tenant:    d.text(),
			Metadata:  d.attributes(0),
			Changes: list(d, 4, func() audit.Change {
				return audit.Change{Field: d.text(), Old: d.value(0), New: d.value(0), Redacted: d.bool()}
			}),
			Marks: list(d, 4, func() mark.Mark {
				return mark.Mark{Path: d.text(), Kind: "a." + mark.Kind(strings.Repeat("x", 1+d.n(20))), Count: int64(d.n(9)), Length: int64(d.n(9)), SHA256: [32]byte{byte(d.n(3))}}
			}),
		},
		Tracker:    record.Instrumentation{Name: d.text(), Version: d.text()},
		Channel:    d.text(),
		Overridden: d.attributes(0),
		Redacted:   d.texts(),
	}
	if d.bool() {
		r.ObservedTime = d.time()
	}
	if d.bool() {
		r.Resource = resource.NewSchemaless(d.attributes(0)...)
	}
	binary.LittleEndian.PutUint64(r.TraceID[8:], d.bits())
	binary.LittleEndian.PutUint64(r.SpanID[:], d.bits())
	return r
}

// assertSame asserts that got is what want decodes to after encoding: with times in UTC,
// sorted attributes, and nil for everything empty.
func assertSame(t *testing.T, want, got *record.Record) {
	t.Helper()
	normal := *want
	normal.Time = want.Time.UTC().Round(0)
	if !want.ObservedTime.IsZero() {
		normal.ObservedTime = want.ObservedTime.UTC().Round(0)
	}
	if len(want.Redacted) == 0 {
		normal.Redacted = nil
	}
	if len(want.Covers) == 0 {
		normal.Covers = nil
	}
	if len(want.Marks) == 0 {
		normal.Marks = nil
	}
	read := *got
	for _, r := range []*record.Record{&normal, &read} {
		r.Metadata, r.Overridden, r.Changes, r.Resource = nil, nil, nil, nil
	}
	assert.Equal(t, normal, read)

	assert.Equal(t, dumpSorted(want.Metadata), dumpAttributes(got.Metadata))
	assert.Equal(t, dumpSorted(want.Overridden), dumpAttributes(got.Overridden))
	assert.Equal(t, want.Resource.Len() == 0, got.Resource == nil)
	assert.Equal(t, dumpSorted(want.Resource.Attributes()), dumpAttributes(got.Resource.Attributes()))
	require.Len(t, got.Changes, len(want.Changes))
	for i, w := range want.Changes {
		g := got.Changes[i]
		assert.Equal(t, [4]any{w.Field, dump(w.Old), dump(w.New), w.Redacted}, [4]any{g.Field, dump(g.Old), dump(g.New), g.Redacted})
	}
}

func dumpSorted(kvs []attribute.KeyValue) string {
	return dumpAttributes(slices.SortedFunc(slices.Values(kvs), func(a, b attribute.KeyValue) int {
		return strings.Compare(string(a.Key), string(b.Key))
	}))
}

func dumpAttributes(kvs []attribute.KeyValue) string {
	var b strings.Builder
	for _, kv := range kvs {
		fmt.Fprintf(&b, "%q=%s ", kv.Key, dump(kv.Value))
	}
	return b.String()
}

// dump returns the type and the content of a value. It shows floats as bits, and all NaNs
// alike.
func dump(v attribute.Value) string {
	text := v.Type().String() + "("
	switch v.Type() {
	case attribute.FLOAT64:
		text += dumpFloat(v.AsFloat64())
	case attribute.FLOAT64SLICE:
		for _, f := range v.AsFloat64Slice() {
			text += dumpFloat(f) + " "
		}
	case attribute.SLICE:
		for _, element := range v.AsSlice() {
			text += dump(element) + " "
		}
	case attribute.MAP:
		text += dumpAttributes(v.AsMap())
	default:
		text += fmt.Sprintf("%q", fmt.Sprint(v.AsInterface()))
		if v.Type() == attribute.STRINGSLICE {
			text += fmt.Sprintf("%q", v.AsStringSlice())
		}
	}
	return text + ")"
}

func dumpFloat(f float64) string {
	if math.IsNaN(f) {
		return "NaN"
	}
	return fmt.Sprintf("%x", math.Float64bits(f))
}
