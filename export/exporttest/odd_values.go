package exporttest

import (
	"math"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// oddValues are values of every type. The name says what is odd about them.
var oddValues = []struct {
	name   string
	values []attribute.Value
}{
	{"value.empty", []attribute.Value{
		{}, // of type EMPTY
		attribute.StringValue(""),
		attribute.ByteSliceValue(nil),
		attribute.BoolSliceValue(nil),
		attribute.Int64SliceValue(nil),
		attribute.Float64SliceValue(nil),
		attribute.StringSliceValue(nil),
		attribute.SliceValue(),
		attribute.MapValue(),
		attribute.SliceValue(attribute.Value{}, attribute.SliceValue(), attribute.MapValue()),
		attribute.MapValue(attribute.KeyValue{Key: "none"}),
	}},
	{"value.scalar", []attribute.Value{
		attribute.BoolValue(true),
		attribute.BoolValue(false),
		attribute.StringValue("1"),
		attribute.StringValue("true"),
		attribute.StringValue("null"),
		attribute.StringValue("2026-11-23T07:26:02.123456789Z"),
		attribute.ByteSliceValue([]byte("text")),
		attribute.ByteSliceValue([]byte{0, 0xff, 0xfe, '\n'}),
	}},
	{"value.integer", []attribute.Value{
		attribute.Int64Value(0),
		attribute.Int64Value(-1),
		attribute.Int64Value(math.MaxInt32 + 1),
		attribute.Int64Value(1 << 53),
		attribute.Int64Value(1<<53 + 1), // not exact as a float64
		attribute.Int64Value(-1<<53 - 1),
		attribute.Int64Value(math.MaxInt64),
		attribute.Int64Value(math.MinInt64),
	}},
	{"value.float", []attribute.Value{
		attribute.Float64Value(0),
		attribute.Float64Value(math.Copysign(0, -1)),
		attribute.Float64Value(1), // differs from the integer
		attribute.Float64Value(0.1),
		attribute.Float64Value(1e21),
		attribute.Float64Value(1e-7),
		attribute.Float64Value(1 << 53),
		attribute.Float64Value(math.Pi),
		attribute.Float64Value(math.MaxFloat64),
		attribute.Float64Value(math.SmallestNonzeroFloat64),
		attribute.Float64Value(math.NaN()),
		attribute.Float64Value(math.Inf(1)),
		attribute.Float64Value(math.Inf(-1)),
	}},
	{"value.list", []attribute.Value{
		attribute.BoolSliceValue([]bool{true}),
		attribute.BoolSliceValue([]bool{true, false, true, false, true, false, true}),
		attribute.Int64SliceValue([]int64{0}),
		attribute.Int64SliceValue([]int64{1, 1<<53 + 1, math.MinInt64, 2, 3, 4, 5}),
		attribute.Float64SliceValue([]float64{1, 2}),
		attribute.Float64SliceValue([]float64{1, 0.5, math.NaN(), math.Inf(1), math.Copysign(0, -1), 2, 3}),
		attribute.StringSliceValue([]string{"", "a", "a"}),
		attribute.StringSliceValue([]string{"a", "b", "c", "d", "e", "f", record.RedactedText}),
	}},
	{"value.mixed_list", []attribute.Value{
		attribute.SliceValue(attribute.Int64Value(1), attribute.Int64Value(2)), // not an INT64SLICE
		attribute.SliceValue(attribute.StringValue("a")),
		attribute.SliceValue(attribute.BoolValue(true), attribute.BoolValue(false)),
		attribute.SliceValue(attribute.Float64Value(0.5)),
		attribute.SliceValue(attribute.Int64Value(1), attribute.Float64Value(1), attribute.Float64Value(math.NaN())),
		attribute.SliceValue(
			attribute.Int64Value(1), attribute.StringValue("1"), attribute.BoolValue(true), attribute.Value{},
			attribute.ByteSliceValue([]byte{1}), attribute.StringSliceValue([]string{"1"}), attribute.MapValue(attribute.Int("1", 1)),
		),
	}},
	{"value.map", []attribute.Value{
		attribute.MapValue(attribute.Int("a", 1)),
		attribute.MapValue(attribute.String("$f", "1")), // looks like a typed value of the JSON form
		attribute.MapValue(attribute.String("$", "1")),
		attribute.MapValue(attribute.String("$oid", "507f1f77bcf86cd799439011")), // looks like extended JSON
		attribute.MapValue(attribute.String("$f", "1"), attribute.String("g", "2")),
		attribute.MapValue(
			attribute.Bool("b", true), attribute.Float64("f", 1), attribute.Int("i", 1), attribute.String("s", ""),
			attribute.StringSlice("ss", nil), attribute.Float64Slice("fs", []float64{1}), attribute.Int64Slice("is", []int64{1}),
		),
	}},
	{"value.deep", []attribute.Value{
		nested(list), nested(object), nested(func(v attribute.Value) attribute.Value { return list(object(v)) }),
	}},
}

func list(v attribute.Value) attribute.Value { return attribute.SliceValue(v) }

func object(v attribute.Value) attribute.Value {
	return attribute.MapValue(attribute.KeyValue{Key: "in", Value: v})
}

// nested wraps an integer to the deepest level that validation allows.
func nested(wrap func(attribute.Value) attribute.Value) attribute.Value {
	v := attribute.Int64Value(1)
	for depth(v) < record.MaxNesting {
		v = wrap(v)
	}
	return v
}

// depth returns the number of lists and maps that enclose the innermost value.
func depth(v attribute.Value) int {
	switch v.Type() {
	case attribute.SLICE:
		return 1 + depth(v.AsSlice()[0])
	case attribute.MAP:
		return 1 + depth(v.AsMap()[0].Value)
	default:
		return 0
	}
}
