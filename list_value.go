package audit

import "go.opentelemetry.io/otel/attribute"

// ListValue returns the values as one: as a slice of their type where all are
// booleans, integers, floating-point numbers or strings, and as a SLICE otherwise. It
// is for SDKs and integrations, which get lists whose elements' type shows only when
// they are read.
func ListValue(values []attribute.Value) attribute.Value {
	if len(values) == 0 {
		return attribute.SliceValue()
	}
	first := values[0].Type()
	for _, v := range values {
		if v.Type() != first {
			return attribute.SliceValue(values...)
		}
	}
	switch first {
	case attribute.BOOL:
		return attribute.BoolSliceValue(unpack(values, attribute.Value.AsBool))
	case attribute.INT64:
		return attribute.Int64SliceValue(unpack(values, attribute.Value.AsInt64))
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(unpack(values, attribute.Value.AsFloat64))
	case attribute.STRING:
		return attribute.StringSliceValue(unpack(values, attribute.Value.AsString))
	default:
		return attribute.SliceValue(values...)
	}
}

func unpack[T any](values []attribute.Value, get func(attribute.Value) T) []T {
	list := make([]T, len(values))
	for i, v := range values {
		list[i] = get(v)
	}
	return list
}
