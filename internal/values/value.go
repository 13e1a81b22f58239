package values

import (
	"math"
	"reflect"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
)

// Why a value is unrepresentable although other values of its type are not.
const (
	ReasonTextFailed  = "MarshalText failed"
	ReasonValueFailed = "Value failed" // or the Value method returned no single value
)

// Of returns v as it is recorded. It follows pointers and interfaces and returns
// EMPTY for nil. A value that is not a single value is unrepresentable.
func Of(v reflect.Value) attribute.Value {
	v, _ = Indirect(v)
	if IsNil(v) {
		return attribute.Value{}
	}
	switch ShapeOf(v.Type()) {
	case ShapeBool:
		return attribute.BoolValue(v.Bool())
	case ShapeInt:
		return attribute.Int64Value(v.Int())
	case ShapeUint:
		n := v.Uint()
		if n > math.MaxInt64 {
			return attribute.StringValue(strconv.FormatUint(n, 10))
		}
		return attribute.Int64Value(int64(n))
	case ShapeFloat:
		return attribute.Float64Value(v.Float())
	case ShapeString:
		return attribute.StringValue(v.String())
	case ShapeTime, ShapeDuration, ShapeText:
		text, ok := Text(v)
		if !ok {
			return unrepresentable(v, ReasonTextFailed)
		}
		return attribute.StringValue(text)
	case ShapeEmptyStruct:
		return attribute.MapValue()
	case ShapeBytes:
		return attribute.ByteSliceValue(bytesOf(v))
	case ShapeScalars, ShapeListOfAny:
		return listOf(v)
	case ShapeValuer:
		inner, ok := Unwrap(v)
		if !ok {
			return unrepresentable(v, ReasonValueFailed)
		}
		return Of(inner)
	default:
		return unrepresentable(v, "")
	}
}

func unrepresentable(v reflect.Value, reason string) attribute.Value {
	return NewUnrepresentable(v.Type().String(), reason)
}

// listOf returns a slice or array of single values: a typed slice if its elements
// have one type, a SLICE otherwise.
func listOf(v reflect.Value) attribute.Value {
	elem := v.Type().Elem()
	empty := v.Len() == 0
	if elem.Kind() != reflect.Pointer || empty {
		switch ShapeOf(IndirectType(elem)) {
		case ShapeBool:
			return attribute.BoolSliceValue(elements(v, reflect.Value.Bool))
		case ShapeInt:
			return attribute.Int64SliceValue(elements(v, reflect.Value.Int))
		case ShapeFloat:
			return attribute.Float64SliceValue(elements(v, reflect.Value.Float))
		case ShapeString:
			return attribute.StringSliceValue(elements(v, reflect.Value.String))
		case ShapeUint:
			if empty {
				return attribute.Int64SliceValue(nil)
			}
		case ShapeDuration, ShapeTime, ShapeText:
			if empty {
				return attribute.StringSliceValue(nil)
			}
		default:
		}
	}
	return List(elements(v, Of))
}

func elements[T any](v reflect.Value, get func(reflect.Value) T) []T {
	list := make([]T, v.Len())
	for i := range list {
		list[i] = get(v.Index(i))
	}
	return list
}

// bytesOf returns the bytes of a slice or array of them.
func bytesOf(v reflect.Value) []byte {
	if v.Kind() == reflect.Slice {
		return v.Bytes()
	}
	return elements(v, func(b reflect.Value) byte { return byte(b.Uint()) })
}
