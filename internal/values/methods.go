package values

import (
	"database/sql/driver"
	"encoding"
	"reflect"
	"strconv"
	"time"
)

// timeLayout is RFC 3339 with nine fractional digits, which sorts by time.
const timeLayout = "2006-01-02T15:04:05.000000000Z07:00"

// Text returns the text of a value that is recorded as text or can be a key. It
// reports false if the value has no text, or its MarshalText method fails or
// panics.
func Text(v reflect.Value) (text string, ok bool) {
	switch ShapeOf(v.Type()) {
	case ShapeString:
		return v.String(), true
	case ShapeInt:
		return strconv.FormatInt(v.Int(), 10), true
	case ShapeUint:
		return strconv.FormatUint(v.Uint(), 10), true
	case ShapeDuration:
		return time.Duration(v.Int()).String(), true
	case ShapeTime:
		return Time(v).UTC().Format(timeLayout), true
	case ShapeText:
		return marshalText(v)
	default:
		return "", false
	}
}

// KeyText returns the text of the key of a map or of an element of a slice. It
// follows pointers and interfaces, and reports false for nil and like [Text].
func KeyText(v reflect.Value) (text string, ok bool) {
	v, _ = Indirect(v)
	if IsNil(v) {
		return "", false
	}
	return Text(v)
}

// Time returns the time of a value of ShapeTime.
func Time(v reflect.Value) time.Time {
	t, ok := reflect.TypeAssert[time.Time](v)
	if !ok {
		t, _ = reflect.TypeAssert[time.Time](v.Convert(typeTime))
	}
	return t
}

func marshalText(v reflect.Value) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	b, err := withMethods[encoding.TextMarshaler](v).MarshalText()
	return string(b), err == nil
}

// Unwrap returns the single value that the Value method of a driver.Valuer
// returns, or the zero Value for nil. It reports false if the method fails, panics
// or returns more than a single value.
func Unwrap(v reflect.Value) (inner reflect.Value, ok bool) {
	defer func() {
		if recover() != nil {
			inner, ok = reflect.Value{}, false
		}
	}()
	value, err := withMethods[driver.Valuer](v).Value()
	if err != nil {
		return reflect.Value{}, false
	}
	inner, ok = Indirect(reflect.ValueOf(value))
	if !ok || IsNil(inner) {
		return reflect.Value{}, ok
	}
	return inner, ShapeOf(inner.Type()).Scalar()
}

// withMethods returns v, a pointer to v or a pointer to a copy of v as an M. v or
// a pointer to v must implement M.
func withMethods[M any](v reflect.Value) M {
	m, ok := reflect.TypeAssert[M](v)
	if ok {
		return m
	}
	m, _ = reflect.TypeAssert[M](pointerTo(v))
	return m
}
