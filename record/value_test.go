package record_test

import (
	"math"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// valueText returns the JSON of a value.
func valueText(t testing.TB, v attribute.Value) string {
	t.Helper()
	r := smallRecord()
	r.Metadata = []attribute.KeyValue{{Key: "v", Value: v}}
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(b), `"metadata":{"v":`)
	text, _, _ = strings.Cut(text, `},"outcome"`)
	return text
}

// withValue returns the JSON of a record with the value.
func withValue(t testing.TB, text string) string {
	t.Helper()
	return strings.Replace(goldenText(t, "small"), `"outcome"`, `"metadata":{"v":`+text+`},"outcome"`, 1)
}

func readValue(t testing.TB, text string) attribute.Value {
	t.Helper()
	var r record.Record
	require.NoError(t, r.UnmarshalJSON([]byte(withValue(t, text))), "%s", text)
	require.Len(t, r.Metadata, 1)
	return r.Metadata[0].Value
}

// nestedSlices returns n nested slices.
func nestedSlices(n int) attribute.Value {
	v := attribute.SliceValue()
	for range n - 1 {
		v = attribute.SliceValue(v)
	}
	return v
}

// nestedMaps returns n nested maps, each of which looks like a marker.
func nestedMaps(n int) attribute.Value {
	v := attribute.MapValue(attribute.Int("$m", 1))
	for range n - 1 {
		v = attribute.MapValue(attribute.KeyValue{Key: "$m", Value: v})
	}
	return v
}

func TestValueJSON(t *testing.T) {
	t.Parallel()
	str, i64, f64 := attribute.StringValue, attribute.Int64Value, attribute.Float64Value
	tests := []struct {
		text  string
		value attribute.Value
	}{
		{`null`, attribute.Value{}},
		{`true`, attribute.BoolValue(true)},
		{`false`, attribute.BoolValue(false)},
		{`""`, str("")},
		{`"$f"`, str("$f")},

		{`0`, i64(0)},
		{`-7`, i64(-7)},
		{`9007199254740991`, i64(1<<53 - 1)},
		{`-9007199254740991`, i64(-(1<<53 - 1))},
		{`{"$i":"9007199254740992"}`, i64(1 << 53)},
		{`{"$i":"-9007199254740992"}`, i64(-(1 << 53))},
		{`{"$i":"9223372036854775807"}`, i64(math.MaxInt64)},
		{`{"$i":"-9223372036854775808"}`, i64(math.MinInt64)},

		{`{"$f":"0"}`, f64(0)},
		{`{"$f":"-0"}`, f64(math.Copysign(0, -1))},
		{`{"$f":"-7"}`, f64(-7)},
		{`{"$f":"9007199254740992"}`, f64(1 << 53)},
		{`{"$f":"999999999999999900000"}`, f64(999999999999999868928)},
		{`1e+21`, f64(1e21)},
		{`-1e+21`, f64(-1e21)},
		{`1.7976931348623157e+308`, f64(math.MaxFloat64)},
		{`5e-324`, f64(math.SmallestNonzeroFloat64)},
		{`{"$f":"NaN"}`, f64(math.NaN())},
		{`{"$f":"Infinity"}`, f64(math.Inf(1))},
		{`{"$f":"-Infinity"}`, f64(math.Inf(-1))},

		{`{"$b":""}`, attribute.ByteSliceValue(nil)},
		{`{"$b":"AA=="}`, attribute.ByteSliceValue([]byte{0})},
		{`{"$b":"+/8="}`, attribute.ByteSliceValue([]byte{0xfb, 0xff})},
		{`{"$b":"AAEC"}`, attribute.ByteSliceValue([]byte{0, 1, 2})},

		{`[true]`, attribute.BoolSliceValue([]bool{true})},
		{`[1,2,3,4,5,6,7]`, attribute.Int64SliceValue([]int64{1, 2, 3, 4, 5, 6, 7})},
		{`[1,{"$i":"9007199254740992"}]`, attribute.Int64SliceValue([]int64{1, 1 << 53})},
		{`[0.5,{"$f":"1"},{"$f":"NaN"}]`, attribute.Float64SliceValue([]float64{0.5, 1, math.NaN()})},
		{`["a",""]`, attribute.StringSliceValue([]string{"a", ""})},
		{`{"$e":"bool"}`, attribute.BoolSliceValue(nil)},
		{`{"$e":"int64"}`, attribute.Int64SliceValue(nil)},
		{`{"$e":"float64"}`, attribute.Float64SliceValue(nil)},
		{`{"$e":"string"}`, attribute.StringSliceValue(nil)},

		{`[]`, attribute.SliceValue()},
		{`[null]`, attribute.SliceValue(attribute.Value{})},
		{`[1,"a"]`, attribute.SliceValue(i64(1), str("a"))},
		{`[1,{"$f":"1"}]`, attribute.SliceValue(i64(1), f64(1))},
		{`[[],[]]`, attribute.SliceValue(attribute.SliceValue(), attribute.SliceValue())},
		{`[[1],[2]]`, attribute.SliceValue(attribute.Int64SliceValue([]int64{1}), attribute.Int64SliceValue([]int64{2}))},
		{`[{"$b":"AA=="},{"$b":""}]`, attribute.SliceValue(attribute.ByteSliceValue([]byte{0}), attribute.ByteSliceValue(nil))},
		{`[{"$e":"bool"}]`, attribute.SliceValue(attribute.BoolSliceValue(nil))},
		{`{"$a":[true]}`, attribute.SliceValue(attribute.BoolValue(true))},
		{`{"$a":[1,{"$i":"9007199254740992"}]}`, attribute.SliceValue(i64(1), i64(1<<53))},
		{`{"$a":[0.5,{"$f":"1"}]}`, attribute.SliceValue(f64(0.5), f64(1))},
		{`{"$a":["a","b","c","d","e","f"]}`, attribute.SliceValue(str("a"), str("b"), str("c"), str("d"), str("e"), str("f"))},
		{`[{"$a":["a"]}]`, attribute.SliceValue(attribute.SliceValue(str("a")))},

		{`{}`, attribute.MapValue()},
		{`{"":1}`, attribute.MapValue(attribute.Int("", 1))},
		{`{"a":{"b":{}}}`, attribute.MapValue(attribute.Map("a", attribute.Map("b")))},
		{`{"a":1,"b":null}`, attribute.MapValue(attribute.KeyValue{Key: "b"}, attribute.Int("a", 1))},
		{`{"$m":{"$":1}}`, attribute.MapValue(attribute.Int("$", 1))},
		{`{"$m":{"$i":"5"}}`, attribute.MapValue(attribute.String("$i", "5"))},
		{`{"$m":{"$i":{"$i":"9007199254740992"}}}`, attribute.MapValue(attribute.Int64("$i", 1<<53))},
		{`{"$m":{"$m":{"a":1}}}`, attribute.MapValue(attribute.Map("$m", attribute.Int("a", 1)))},
		{`{"$m":{"$m":{"$m":{"$m":1}}}}`, nestedMaps(2)},
		{`{"$a":1,"$b":{"$f":"1"}}`, attribute.MapValue(attribute.Int("$a", 1), attribute.Float64("$b", 1))},
		{`{"$m":{"$m":{"$m":1}},"a":1}`, attribute.MapValue(attribute.Int("a", 1), attribute.KeyValue{Key: "$m", Value: nestedMaps(1)})},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.text, valueText(t, tt.value))
			assert.Equal(t, dump(tt.value), dump(readValue(t, tt.text)))
			spaced := strings.NewReplacer(`:`, " :\n", `,`, "\t, ", `[`, "[ ", `}`, " }").Replace(tt.text)
			assert.Equal(t, dump(tt.value), dump(readValue(t, spaced)))
		})
	}
}

func TestValueJSONHasOneNaN(t *testing.T) {
	t.Parallel()
	payload := math.Float64frombits(0xfff8000000000abc)
	assert.Equal(t, `{"$f":"NaN"}`, valueText(t, attribute.Float64Value(payload)))
}

func TestUnmarshalJSONRejectsValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, at, path, reason string }{
		{`nul`, `nul`, "metadata.v", "not JSON"},
		{`True`, `True`, "metadata.v", "not JSON"},
		{`truex`, `x`, "metadata.v", "comma"},
		{`NaN`, `NaN`, "metadata.v", "not JSON"},
		{`'a'`, `'a'`, "metadata.v", "not JSON"},
		{`}`, `}`, "metadata", "not JSON"},

		// Numbers that are not canonical.
		{`-`, `-`, "metadata.v", "8785"},
		{`-0`, `-0`, "metadata.v", "8785"},
		{`01`, `01`, "metadata.v", "8785"},
		{`1-2`, `1-2`, "metadata.v", "8785"},
		{`+1`, `+1`, "metadata.v", "8785"},
		{`1.`, `1.`, "metadata.v", "8785"},
		{`.5`, `.5`, "metadata.v", "8785"},
		{`1.0`, `1.0`, "metadata.v", "8785"},
		{`-0.0`, `-0.0`, "metadata.v", "8785"},
		{`1.50`, `1.50`, "metadata.v", "8785"},
		{`1e2`, `1e2`, "metadata.v", "8785"},
		{`1e21`, `1e21`, "metadata.v", "8785"},
		{`1E+21`, `1E+21`, "metadata.v", "8785"},
		{`1.0e+21`, `1.0e+21`, "metadata.v", "8785"},
		{`1e-07`, `1e-07`, "metadata.v", "8785"},
		{`0.0000001`, `0.0000001`, "metadata.v", "8785"},
		{`1e400`, `1e400`, "metadata.v", "8785"},
		{`1e-400`, `1e-400`, "metadata.v", "8785"},
		{`0.10000000000000001`, `0.10000000000000001`, "metadata.v", "8785"},
		{`0x10`, `x10`, "metadata.v", "comma"},
		{`1_000.5`, `_000`, "metadata.v", "comma"},
		{`9007199254740992`, `9007199254740992`, "metadata.v", "$i"},
		{`-9007199254740992`, `-9007199254740992`, "metadata.v", "$i"},
		{`100000000000000000000`, `100000000000000000000`, "metadata.v", "$i"},

		// Markers that are unnecessary or wrong.
		{`{"$i":"5"}`, `"5"`, "metadata.v.$i", "$i holds"},
		{`{"$i":"9007199254740991"}`, `"9007199254740991"`, "metadata.v.$i", "$i holds"},
		{`{"$i":"+9007199254740992"}`, `"+9007199254740992"`, "metadata.v.$i", "$i holds"},
		{`{"$i":"09007199254740992"}`, `"09007199254740992"`, "metadata.v.$i", "$i holds"},
		{`{"$i":"9223372036854775808"}`, `"9223372036854775808"`, "metadata.v.$i", "$i holds"},
		{`{"$i":9007199254740992}`, `9007199254740992`, "metadata.v.$i", "must be a string"},
		{`{"$f":"1.5"}`, `"1.5"`, "metadata.v.$f", "$f holds"},
		{`{"$f":"1e+21"}`, `"1e+21"`, "metadata.v.$f", "$f holds"},
		{`{"$f":"1000000000000000000000"}`, `"1000000000000000000000"`, "metadata.v.$f", "$f holds"},
		{`{"$f":"1.0"}`, `"1.0"`, "metadata.v.$f", "$f holds"},
		{`{"$f":"nan"}`, `"nan"`, "metadata.v.$f", "$f holds"},
		{`{"$f":"inf"}`, `"inf"`, "metadata.v.$f", "$f holds"},
		{`{"$f":"+Infinity"}`, `"+Infinity"`, "metadata.v.$f", "$f holds"},
		{`{"$f":"0x1p4"}`, `"0x1p4"`, "metadata.v.$f", "$f holds"},
		{`{"$f":1}`, `1`, "metadata.v.$f", "must be a string"},
		{`{"$b":"AA"}`, `"AA"`, "metadata.v.$b", "$b holds"},
		{`{"$b":"AB=="}`, `"AB=="`, "metadata.v.$b", "$b holds"},
		{`{"$b":"-_8="}`, `"-_8="`, "metadata.v.$b", "$b holds"},
		{`{"$b":"AA\n=="}`, `"AA\n=="`, "metadata.v.$b", "$b holds"},
		{`{"$b":[0]}`, `[0]`, "metadata.v.$b", "must be a string"},
		{`{"$e":"slice"}`, `"slice"`, "metadata.v.$e", "$e holds"},
		{`{"$e":""}`, `""`, "metadata.v.$e", "$e holds"},
		{`{"$a":[]}`, `[]`, "metadata.v.$a", "$a holds"},
		{`{"$a":[1,"a"]}`, `[1,"a"]`, "metadata.v.$a", "$a holds"},
		{`{"$a":[null]}`, `[null]`, "metadata.v.$a", "$a holds"},
		{`{"$a":{"$e":"bool"}}`, `{"$e"`, "metadata.v.$a", "must be an array"},
		{`{"$a":"b"}`, `"b"`, "metadata.v.$a", "must be an array"},
		{`{"$m":{}}`, `{}`, "metadata.v.$m", "$m holds"},
		{`{"$m":{"a":1}}`, `{"a":1}`, "metadata.v.$m", "$m holds"},
		{`{"$m":{"$a":1,"$b":2}}`, `{"$a":1`, "metadata.v.$m", "$m holds"},
		{`{"$m":1}`, `1`, "metadata.v.$m", "must be an object"},
		{`{"$":1}`, `1`, "metadata.v.$", "unknown"},
		{`{"$x":"a"}`, `"a"`, "metadata.v.$x", "unknown"},
		{`{"\u0024x":"a"}`, `"a"`, "metadata.v.$x", "unknown"},
		{`[1,{"$x":"a"}]`, `"a"`, "metadata.v[1].$x", "unknown"},
		{`{"a":{"$i":"5"}}`, `"5"`, "metadata.v.a.$i", "$i holds"},
		{`{"$m":{"$x":{"$x":1}}}`, `1`, "metadata.v.$m.$x.$x", "unknown"},
		{`{"$i":"9007199254740992",}`, `}`, "metadata.v", "name of a member"},
		{`{"$i":"9007199254740992","$i":"9007199254740992"}`, `"$i":"9007199254740992"}}`, "metadata.v.$i", "more than once"},
		{`{"b":1,"a":1,"b":2}`, `"b":2`, "metadata.v.b", "more than once"},
		{`{"\ud83d":1}`, `\ud83d`, "metadata.v", "escape"},
		{`{"a":1`, ``, "", "comma"},
		{`{"a":"\"}\\","b":tru}`, `tru`, "metadata.v.b", "not JSON"},
		{`[1,]`, `]`, "metadata.v", "not JSON"},
		{`[1 2]`, `2]`, "metadata.v[0]", "comma"},
		{`[`, `}`, "metadata.v", "not JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			text := withValue(t, tt.text)
			e := rejection(t, text)
			assert.Contains(t, e.Reason, tt.reason)
			if tt.at != "" {
				from := strings.Index(text, `{"v":`) + len(`{"v":`)
				assert.Equal(t, from+strings.Index(text[from:], tt.at), e.Offset, text)
				assert.Equal(t, tt.path, e.Path)
			}
		})
	}
}

func TestValueJSONNesting(t *testing.T) {
	t.Parallel()
	for name, nest := range map[string]func(int) attribute.Value{"slices": nestedSlices, "maps": nestedMaps} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deepest := nest(64)
			text := valueText(t, deepest)
			assert.Equal(t, dump(deepest), dump(readValue(t, text)))

			for _, around := range [][2]string{{"[", "]"}, {`{"a":`, "}"}, {`{"$m":{"$a":`, "}}"}} {
				e := rejection(t, withValue(t, around[0]+text+around[1]))
				assert.Contains(t, e.Reason, "nested more than 64 deep")
			}
		})
	}
	for _, open := range []string{"[", `{"":`, `{"$m":{"$":`, `{"$a":[`} {
		e := rejection(t, withValue(t, strings.Repeat(open, 10_000)))
		assert.Contains(t, e.Reason, "nested more than 64 deep")
	}
	for _, text := range []string{`{"$e":"bool"}`, `{"$a":[1]}`, `[1]`, `{"$m":{"$":1}}`} {
		e := rejection(t, withValue(t, strings.Repeat("[", 64)+text+strings.Repeat("]", 64)))
		assert.Contains(t, e.Reason, "nested more than 64 deep")
	}
}

// TestFloatJSON tests the numbers of RFC 8785, appendix B, and others.
func TestFloatJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		bits uint64
		text string
	}{
		{0x0000000000000000, "0"},
		{0x8000000000000000, "-0"}, // ECMAScript loses the sign; a marker keeps it
		{0x0000000000000001, "5e-324"},
		{0x8000000000000001, "-5e-324"},
		{0x7fefffffffffffff, "1.7976931348623157e+308"},
		{0xffefffffffffffff, "-1.7976931348623157e+308"},
		{0x4340000000000000, "9007199254740992"},
		{0xc340000000000000, "-9007199254740992"},
		{0x4430000000000000, "295147905179352830000"},
		{0x7fffffffffffffff, "NaN"},
		{0x7ff0000000000000, "Infinity"},
		{0x44b52d02c7e14af5, "9.999999999999997e+22"},
		{0x44b52d02c7e14af6, "1e+23"},
		{0x44b52d02c7e14af7, "1.0000000000000001e+23"},
		{0x444b1ae4d6e2ef4e, "999999999999999700000"},
		{0x444b1ae4d6e2ef4f, "999999999999999900000"},
		{0x444b1ae4d6e2ef50, "1e+21"},
		{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
		{0x3eb0c6f7a0b5ed8d, "0.000001"},
		{0x41b3de4355555553, "333333333.3333332"},
		{0x41b3de4355555554, "333333333.33333325"},
		{0x41b3de4355555555, "333333333.3333333"},
		{0x41b3de4355555556, "333333333.3333334"},
		{0x41b3de4355555557, "333333333.33333343"},
		{0xbecbf647612f3696, "-0.0000033333333333333333"},
		{0x43143ff3c1cb0959, "1424953923781206.2"},
		{math.Float64bits(1e100), "1e+100"},
		{math.Float64bits(-2.5e-101), "-2.5e-101"},
		{math.Float64bits(1e-7), "1e-7"},
		{math.Float64bits(1.5e-10), "1.5e-10"},
		{math.Float64bits(1e22), "1e+22"},
		{math.Float64bits(4.5), "4.5"},
		{math.Float64bits(0.002), "0.002"},
		{math.Float64bits(1e20), "100000000000000000000"},
		{math.Float64bits(123e-20), "1.23e-18"},
		{math.Float64bits(2.2250738585072014e-308), "2.2250738585072014e-308"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			want := tt.text
			if !strings.ContainsAny(tt.text, ".e") {
				want = `{"$f":"` + tt.text + `"}`
			}
			v := attribute.Float64Value(math.Float64frombits(tt.bits))
			assert.Equal(t, want, valueText(t, v))
			assert.Equal(t, dump(v), dump(readValue(t, want)))
		})
	}
}

// TestMembersAreSortedByUTF16 compares the order of members with that of the UTF-16 code
// units of their names.
func TestMembersAreSortedByUTF16(t *testing.T) {
	t.Parallel()
	keys := []string{
		"", "a", "aaaaaaaaaaaa", "aaaaaaaaaaab", "$", "é", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff",
		"\U00010000", "\U0001f512", "\U0010ffff", "a\ue000", "a\U00010000", "12345678\uffff", "12345678\U0010ffff", "é\ue000a",
	}
	for i, a := range keys {
		for _, b := range keys[i+1:] {
			first, second := a, b
			if less16(b, a) {
				first, second = b, a
			}
			want := `{"` + first + `":1,"` + second + `":1}`
			assert.Equal(t, want, valueText(t, attribute.MapValue(attribute.Int(a, 1), attribute.Int(b, 1))))
		}
	}
}

func less16(a, b string) bool {
	x, y := utf16.Encode([]rune(a)), utf16.Encode([]rune(b))
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return len(x) < len(y)
}
