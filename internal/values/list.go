package values

import "go.opentelemetry.io/otel/attribute"

// List returns a list of values as one value: a typed slice if all are booleans,
// integers, floating-point numbers or strings, a SLICE otherwise and if list is
// empty.
func List(list []attribute.Value) attribute.Value {
	if len(list) == 0 {
		return attribute.SliceValue()
	}
	first := list[0].Type()
	for _, v := range list {
		if v.Type() != first {
			return attribute.SliceValue(list...)
		}
	}
	switch first {
	case attribute.BOOL:
		return attribute.BoolSliceValue(unpack(list, attribute.Value.AsBool))
	case attribute.INT64:
		return attribute.Int64SliceValue(unpack(list, attribute.Value.AsInt64))
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(unpack(list, attribute.Value.AsFloat64))
	case attribute.STRING:
		return attribute.StringSliceValue(unpack(list, attribute.Value.AsString))
	default:
		return attribute.SliceValue(list...)
	}
}

func unpack[T any](list []attribute.Value, get func(attribute.Value) T) []T {
	unpacked := make([]T, len(list))
	for i, v := range list {
		unpacked[i] = get(v)
	}
	return unpacked
}
