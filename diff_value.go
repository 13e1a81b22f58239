package audit

import (
	"database/sql/driver"
	"encoding"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// valueOf returns v as it is recorded. What is no single value is
// unrepresentable.
func valueOf(v reflect.Value) attribute.Value {
	v, _ = follow(v)
	if isNil(v) {
		return attribute.Value{}
	}
	switch shapeOf(v.Type()) {
	case shapeBool:
		return attribute.BoolValue(v.Bool())
	case shapeInt:
		return attribute.Int64Value(v.Int())
	case shapeUint:
		n := v.Uint()
		if n > math.MaxInt64 {
			return attribute.StringValue(strconv.FormatUint(n, 10))
		}
		return attribute.Int64Value(int64(n))
	case shapeFloat:
		return attribute.Float64Value(v.Float())
	case shapeString:
		return attribute.StringValue(v.String())
	case shapeTime, shapeDuration, shapeText:
		text, ok := textOf(v)
		if !ok {
			return unrepresentable(v.Type(), whyText)
		}
		return attribute.StringValue(text)
	case shapeUnit:
		return attribute.MapValue()
	case shapeBytes:
		return attribute.ByteSliceValue(bytesOf(v))
	case shapeScalars, shapeListOfAny:
		return listValueOf(v)
	case shapeValuer:
		held, ok := unwrap(v)
		if !ok {
			return unrepresentable(v.Type(), whyValue)
		}
		return valueOf(held)
	default:
		return unrepresentable(v.Type(), "")
	}
}

// listValueOf returns a slice or array of single values: as a typed slice if its
// elements have one type, or as a SLICE.
func listValueOf(v reflect.Value) attribute.Value {
	elem := v.Type().Elem()
	empty := v.Len() == 0
	if elem.Kind() != reflect.Pointer || empty {
		switch shapeOf(pointee(elem)) {
		case shapeBool:
			return attribute.BoolSliceValue(listOf(v, reflect.Value.Bool))
		case shapeInt:
			return attribute.Int64SliceValue(listOf(v, reflect.Value.Int))
		case shapeFloat:
			return attribute.Float64SliceValue(listOf(v, reflect.Value.Float))
		case shapeString:
			return attribute.StringSliceValue(listOf(v, reflect.Value.String))
		case shapeUint:
			if empty {
				return attribute.Int64SliceValue(nil)
			}
		case shapeDuration, shapeTime, shapeText:
			if empty {
				return attribute.StringSliceValue(nil)
			}
		default:
		}
	}
	return values.List(listOf(v, valueOf))
}

func listOf[T any](v reflect.Value, get func(reflect.Value) T) []T {
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
	return listOf(v, func(b reflect.Value) byte { return byte(b.Uint()) })
}

// timeLayout is RFC 3339 with nine fractional digits, which sorts by time.
const timeLayout = "2006-01-02T15:04:05.000000000Z07:00"

// textOf returns the text of a value that is recorded as text, or that names
// something as a key. It reports false where the value fails to give one.
func textOf(v reflect.Value) (text string, ok bool) {
	switch shapeOf(v.Type()) {
	case shapeString:
		return v.String(), true
	case shapeInt:
		return strconv.FormatInt(v.Int(), 10), true
	case shapeUint:
		return strconv.FormatUint(v.Uint(), 10), true
	case shapeDuration:
		return time.Duration(v.Int()).String(), true
	case shapeTime:
		return timeOf(v).UTC().Format(timeLayout), true
	case shapeText:
		return marshalText(v)
	default:
		return "", false
	}
}

// timeOf returns the time of a value of shapeTime.
func timeOf(v reflect.Value) time.Time {
	t, ok := reflect.TypeAssert[time.Time](v)
	if !ok {
		t, _ = reflect.TypeAssert[time.Time](v.Convert(typeTime))
	}
	return t
}

// marshalText calls the MarshalText method. It reports false where that fails or
// panics.
func marshalText(v reflect.Value) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	b, err := withMethods[encoding.TextMarshaler](v).MarshalText()
	return string(b), err == nil
}

// unwrap calls the Value method of a driver.Valuer and returns the single value
// that it gives, or the zero Value for nil. It reports false where that fails or
// panics, and for what is no single value.
func unwrap(v reflect.Value) (held reflect.Value, ok bool) {
	defer func() {
		if recover() != nil {
			held, ok = reflect.Value{}, false
		}
	}()
	given, err := withMethods[driver.Valuer](v).Value()
	if err != nil {
		return reflect.Value{}, false
	}
	held, ok = follow(reflect.ValueOf(given))
	if !ok || isNil(held) {
		return reflect.Value{}, ok
	}
	return held, shapeOf(held.Type()).scalar()
}

// withMethods returns v, or a pointer to it or to a copy of it, as an M, which one
// of them is.
func withMethods[M any](v reflect.Value) M {
	m, ok := reflect.TypeAssert[M](v)
	if ok {
		return m
	}
	if !v.CanAddr() {
		// What a map or an interface holds has no address.
		held := v
		v = reflect.New(held.Type()).Elem()
		v.Set(held)
	}
	m, _ = reflect.TypeAssert[M](v.Addr())
	return m
}

// follow returns what v holds behind pointers and interfaces, or the zero Value
// for nil. It reports false where there are too many of them, as in a pointer to
// itself.
func follow(v reflect.Value) (reflect.Value, bool) {
	for range maxPointers {
		if k := v.Kind(); k != reflect.Pointer && k != reflect.Interface {
			return v, true
		}
		v = v.Elem()
	}
	return v, false
}

// isNil reports whether v, which is neither pointer nor interface, is nil or no
// value at all.
func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return v.IsNil()
	default:
		return false
	}
}
