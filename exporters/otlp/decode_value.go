package otlp

import (
	"strings"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	common "go.opentelemetry.io/proto/otlp/common/v1"
)

// pairs decodes the pairs of a map whose values are inside depth arrays and maps.
func (d *logReader) pairs(from []*common.KeyValue, depth int) []attribute.KeyValue {
	kvs := make([]attribute.KeyValue, 0, len(from))
	for _, kv := range from {
		kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(kv.GetKey()), Value: d.value(kv.GetValue(), depth)})
	}
	return kvs
}

func (d *logReader) mapPairs(v *common.AnyValue) []attribute.KeyValue {
	return d.pairs(d.members(v), 0)
}

// members returns the pairs of a value that must be a map.
func (d *logReader) members(v *common.AnyValue) []*common.KeyValue {
	m, ok := v.GetValue().(*common.AnyValue_KvlistValue)
	if !ok {
		d.fail(wrongType)
		return nil
	}
	return m.KvlistValue.GetValues()
}

// value decodes a value that is inside depth arrays and maps.
func (d *logReader) value(v *common.AnyValue, depth int) attribute.Value {
	switch v := v.GetValue().(type) {
	case nil:
		return attribute.Value{}
	case *common.AnyValue_StringValue:
		return attribute.StringValue(v.StringValue)
	case *common.AnyValue_BoolValue:
		return attribute.BoolValue(v.BoolValue)
	case *common.AnyValue_IntValue:
		return attribute.Int64Value(v.IntValue)
	case *common.AnyValue_DoubleValue:
		return attribute.Float64Value(v.DoubleValue)
	case *common.AnyValue_BytesValue:
		return attribute.ByteSliceValue(v.BytesValue)
	case *common.AnyValue_ArrayValue:
		return record.ListValue(d.elements(v.ArrayValue, depth))
	case *common.AnyValue_KvlistValue:
		return d.mapValue(v.KvlistValue.GetValues(), depth)
	}
	d.fail(wrongType)
	return attribute.Value{}
}

func (d *logReader) elements(array *common.ArrayValue, depth int) []attribute.Value {
	if depth == record.MaxEncodedNesting {
		d.fail(tooNested)
		return nil
	}
	elements := make([]attribute.Value, 0, len(array.GetValues()))
	for _, v := range array.GetValues() {
		elements = append(elements, d.value(v, depth+1))
	}
	return elements
}

// mapValue reads a map, or what a map of one pair stands for.
func (d *logReader) mapValue(pairs []*common.KeyValue, depth int) attribute.Value {
	if len(pairs) == 1 && strings.HasPrefix(pairs[0].GetKey(), "$") {
		return d.marked(pairs[0].GetKey(), pairs[0].GetValue(), depth)
	}
	return d.plainMap(pairs, depth)
}

func (d *logReader) plainMap(pairs []*common.KeyValue, depth int) attribute.Value {
	if depth == record.MaxEncodedNesting {
		d.fail(tooNested)
		return attribute.Value{}
	}
	return attribute.MapValue(d.pairs(pairs, depth+1)...)
}

func (d *logReader) marked(mark string, v *common.AnyValue, depth int) attribute.Value {
	switch mark {
	case record.MarkerEmpty:
		if empty, ok := record.EmptySlice(d.text(v)); ok {
			return empty
		}
		d.fail(unknownWord)
	case record.MarkerSlice:
		if array, ok := v.GetValue().(*common.AnyValue_ArrayValue); ok {
			return attribute.SliceValue(d.elements(array.ArrayValue, depth)...)
		}
		d.fail(wrongType)
	case record.MarkerMap:
		return d.plainMap(d.members(v), depth)
	default:
		d.fail("a map whose only key begins with $ stands for nothing that is known")
	}
	return attribute.Value{}
}
