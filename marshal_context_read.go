package audit

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

// readAttributes returns attributes sorted by key.
func readAttributes(object map[string]any) (kvs []attribute.KeyValue, ok bool) {
	for key, value := range object {
		v, ok := readValue(value)
		if !ok {
			return nil, false
		}
		kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(key), Value: v})
	}
	slices.SortFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	return kvs, true
}

// readValue understands what json has decoded. What is not written as it should be
// shows when it is written again.
func readValue(value any) (v attribute.Value, ok bool) {
	switch value := value.(type) {
	case nil:
		return v, true
	case bool:
		return attribute.BoolValue(value), true
	case string:
		return attribute.StringValue(value), true
	case json.Number:
		if strings.ContainsAny(string(value), ".e") {
			return readFloat(string(value))
		}
		return readInt(string(value))
	case []any:
		elements, ok := readValues(value)
		return values.List(elements), ok
	case map[string]any:
		if len(value) == 1 {
			for key, inside := range value {
				if strings.HasPrefix(key, "$") {
					return readMark(key, inside)
				}
			}
		}
		kvs, ok := readAttributes(value)
		return attribute.MapValue(kvs...), ok
	}
	return v, false
}

func readValues(elements []any) (values []attribute.Value, ok bool) {
	for _, e := range elements {
		v, ok := readValue(e)
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
	return values, true
}

// readMark returns the value that a marker stands for.
func readMark(mark string, inside any) (v attribute.Value, ok bool) {
	switch inside := inside.(type) {
	case []any:
		values, ok := readValues(inside)
		return attribute.SliceValue(values...), ok && mark == "$a"
	case map[string]any:
		kvs, ok := readAttributes(inside)
		return attribute.MapValue(kvs...), ok && mark == "$m"
	case string:
		switch mark + inside {
		case "$ebool":
			return attribute.BoolSliceValue(nil), true
		case "$eint64":
			return attribute.Int64SliceValue(nil), true
		case "$efloat64":
			return attribute.Float64SliceValue(nil), true
		case "$estring":
			return attribute.StringSliceValue(nil), true
		}
		switch mark {
		case "$i":
			return readInt(inside)
		case "$f":
			return readFloat(inside)
		case "$b":
			raw, err := base64.StdEncoding.Strict().DecodeString(inside)
			return attribute.ByteSliceValue(raw), err == nil
		}
	}
	return v, false
}

func readInt(text string) (attribute.Value, bool) {
	i, err := strconv.ParseInt(text, 10, 64)
	return attribute.Int64Value(i), err == nil
}

func readFloat(text string) (attribute.Value, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return attribute.Float64Value(f), err == nil
}
