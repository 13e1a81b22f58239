package otlp

import (
	"cmp"
	"math"
	"slices"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/encoding/protowire"
)

// A value is written as OTLP's value of the same kind. OTLP has one kind of array, so
// three kinds of values are marked as in the record's JSON, by a map with one key:
// record.MarkerEmpty, record.MarkerSlice or record.MarkerMap.

const (
	tooNested   = "its values are nested more than 64 deep"
	keyRepeated = "a key is repeated"
)

// pairs writes attributes, or the pairs of a map, whose values are inside depth arrays and
// maps.
func (w *wireWriter) pairs(t tag, kvs []attribute.KeyValue, depth int) {
	if !ascend(kvs) {
		kvs = slices.Clone(kvs)
		slices.SortStableFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
		if !ascend(kvs) {
			w.fail(keyRepeated)
		}
	}
	for i := range kvs {
		w.pair(t, string(kvs[i].Key), &kvs[i].Value, depth)
	}
}

// ascend reports whether the keys are in ascending order without duplicates.
func ascend(kvs []attribute.KeyValue) bool {
	for i := 1; i < len(kvs); i++ {
		if kvs[i-1].Key >= kvs[i].Key {
			return false
		}
	}
	return true
}

func (w *wireWriter) pair(t tag, key string, v *attribute.Value, depth int) {
	if v.Type() == attribute.STRING {
		w.textPair(t, key, v.AsString())
		return
	}
	start := w.begin(t, smallRoom)
	w.text(pairKey, key)
	w.value(pairValue, v, depth)
	w.end(start, smallRoom)
}

// textPair writes a pair with a text, whose lengths are known in advance.
func (w *wireWriter) textPair(t tag, key, text string) {
	value := 1 + protowire.SizeBytes(len(text))
	w.b = append(w.b, byte(t))
	w.b = protowire.AppendVarint(w.b, uint64(1+protowire.SizeBytes(len(key))+1+protowire.SizeBytes(value)))
	w.text(pairKey, key)
	w.b = append(w.b, byte(pairValue))
	w.b = protowire.AppendVarint(w.b, uint64(value))
	w.text(valueString, text)
}

// value writes a value that is inside depth arrays and maps.
func (w *wireWriter) value(t tag, v *attribute.Value, depth int) {
	start := w.begin(t, smallRoom)
	switch v.Type() {
	case attribute.STRING:
		w.text(valueString, v.AsString())
	case attribute.EMPTY: // a value without a field
	case attribute.BOOL:
		w.varint(valueBool, protowire.EncodeBool(v.AsBool()))
	case attribute.INT64:
		w.varint(valueInt, uint64(v.AsInt64()))
	case attribute.FLOAT64:
		w.fixed64(valueDouble, math.Float64bits(v.AsFloat64()))
	case attribute.BYTESLICE:
		w.bytes(valueBytes, v.AsByteSlice())
	default:
		if depth == record.MaxEncodedNesting {
			w.fail(tooNested)
			break
		}
		w.compound(v, depth)
	}
	w.end(start, smallRoom)
}

func (w *wireWriter) compound(v *attribute.Value, depth int) {
	switch v.Type() {
	case attribute.BOOLSLICE:
		writeArray(w, v.AsBoolSlice(), record.EmptyBools, attribute.BoolValue)
	case attribute.INT64SLICE:
		writeArray(w, v.AsInt64Slice(), record.EmptyInts, attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		writeArray(w, v.AsFloat64Slice(), record.EmptyFloats, attribute.Float64Value)
	case attribute.STRINGSLICE:
		writeArray(w, v.AsStringSlice(), record.EmptyStrings, attribute.StringValue)
	case attribute.SLICE:
		w.slice(v.AsSlice(), depth)
	case attribute.MAP:
		w.mapValue(v.AsMap(), depth)
	default:
		w.fail("its value is of an unknown type")
	}
}

// writeArray writes a typed slice. The word empty stands for one without elements.
func writeArray[T any](w *wireWriter, elements []T, empty string, value func(T) attribute.Value) {
	if len(elements) == 0 {
		w.mark(record.MarkerEmpty, func() { w.text(valueString, empty) })
		return
	}
	start := w.begin(valueArray, smallRoom)
	for _, e := range elements {
		v := value(e)
		w.value(listElements, &v, 0)
	}
	w.end(start, smallRoom)
}

func (w *wireWriter) slice(elements []attribute.Value, depth int) {
	array := func() {
		start := w.begin(valueArray, smallRoom)
		for i := range elements {
			w.value(listElements, &elements[i], depth+1)
		}
		w.end(start, smallRoom)
	}
	if record.ReadsAsTyped(elements) {
		w.mark(record.MarkerSlice, array)
		return
	}
	array()
}

func (w *wireWriter) mapValue(kvs []attribute.KeyValue, depth int) {
	if record.ReadsAsMarker(kvs) {
		w.mark(record.MarkerMap, func() { w.plainMap(kvs, depth) })
		return
	}
	w.plainMap(kvs, depth)
}

func (w *wireWriter) plainMap(kvs []attribute.KeyValue, depth int) {
	start := w.begin(valueMap, smallRoom)
	w.pairs(listElements, kvs, depth+1)
	w.end(start, smallRoom)
}

// mark writes a map with one pair, whose value is written by write.
func (w *wireWriter) mark(key string, write func()) {
	start := w.begin(valueMap, smallRoom)
	pair := w.begin(listElements, smallRoom)
	w.text(pairKey, key)
	value := w.begin(pairValue, smallRoom)
	write()
	w.end(value, smallRoom)
	w.end(pair, smallRoom)
	w.end(start, smallRoom)
}
