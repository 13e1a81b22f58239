package mongodb

import (
	"cmp"
	"math"
	"slices"

	"github.com/opendeed/audit/record"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel/attribute"
)

// A value is what BSON has for it: a string, a boolean, a 64-bit integer, a double,
// binary data, null, an array of one of the first four. What BSON, or a server that
// speaks it, has nothing for is a document with one of these members.
const (
	markFloat = "float" // a double that not every server takes: "NaN", "Infinity", "-Infinity", "-0"
	markEmpty = "empty" // a typed slice without elements, by one of record.EmptyBools etc.
	markSlice = "slice" // values of any kind
	markArray = "array" // a typed slice inside of a slice
	markMap   = "map"   // pairs of k and v, like metadata
)

// The members of a pair.
const (
	pairKey   = "k"
	pairValue = "v"
)

const (
	tooNested   = "its values are nested more than 64 deep"
	keyRepeated = "a key is repeated"
)

// attributes writes a member with an array of pairs, because keys have dots, and one index
// then serves all keys. It omits an empty one.
func (w *bsonWriter) attributes(name string, kvs []attribute.KeyValue) {
	if len(kvs) > 0 {
		w.member = name
		w.pairs(name, kvs, 0)
	}
}

func (w *bsonWriter) pairs(name string, kvs []attribute.KeyValue, depth int) {
	if !ascend(kvs) {
		kvs = slices.Clone(kvs)
		slices.SortStableFunc(kvs, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
		if !ascend(kvs) {
			w.fail(keyRepeated)
		}
	}
	list := w.begin(bson.TypeArray, name)
	for i := range kvs {
		start := w.begin(bson.TypeEmbeddedDocument, indexName(i))
		w.string(pairKey, string(kvs[i].Key))
		w.value(pairValue, &kvs[i].Value, depth)
		w.end(start)
	}
	w.end(list)
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

// value writes a value that is inside depth slices and maps.
func (w *bsonWriter) value(name string, v *attribute.Value, depth int) {
	switch v.Type() {
	case attribute.STRING:
		w.string(name, v.AsString())
	case attribute.EMPTY:
		w.null(name)
	case attribute.BOOL:
		w.bool(name, v.AsBool())
	case attribute.INT64:
		w.int64(name, v.AsInt64())
	case attribute.FLOAT64:
		w.float(name, v.AsFloat64())
	case attribute.BYTESLICE:
		w.binary(name, bson.TypeBinaryGeneric, v.AsByteSlice())
	default:
		if depth == record.MaxEncodedNesting {
			w.fail(tooNested)
			return
		}
		w.compound(name, v, depth)
	}
}

func (w *bsonWriter) compound(name string, v *attribute.Value, depth int) {
	switch v.Type() {
	case attribute.BOOLSLICE:
		writeArray(w, name, v.AsBoolSlice(), record.EmptyBools, w.bool)
	case attribute.INT64SLICE:
		writeArray(w, name, v.AsInt64Slice(), record.EmptyInts, w.int64)
	case attribute.FLOAT64SLICE:
		writeArray(w, name, v.AsFloat64Slice(), record.EmptyFloats, w.float)
	case attribute.STRINGSLICE:
		writeArray(w, name, v.AsStringSlice(), record.EmptyStrings, w.string)
	case attribute.SLICE:
		start := w.begin(bson.TypeEmbeddedDocument, name)
		list := w.begin(bson.TypeArray, markSlice)
		elements := v.AsSlice()
		for i := range elements {
			w.elementOfSlice(indexName(i), &elements[i], depth+1)
		}
		w.end(list)
		w.end(start)
	case attribute.MAP:
		start := w.begin(bson.TypeEmbeddedDocument, name)
		w.pairs(markMap, v.AsMap(), depth+1)
		w.end(start)
	default:
		w.fail("its value is of an unknown type")
	}
}

// elementOfSlice writes an element of a slice. It puts an array into a document, because not
// every server accepts an array directly inside another.
func (w *bsonWriter) elementOfSlice(name string, v *attribute.Value, depth int) {
	switch v.Type() {
	case attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.STRINGSLICE:
		start := w.begin(bson.TypeEmbeddedDocument, name)
		w.value(markArray, v, depth)
		w.end(start)
	default:
		w.value(name, v, depth)
	}
}

// writeArray writes a typed slice. The word empty stands for one without elements.
func writeArray[T any](w *bsonWriter, name string, elements []T, empty string, write func(string, T)) {
	if len(elements) == 0 {
		w.mark(name, markEmpty, empty)
		return
	}
	start := w.begin(bson.TypeArray, name)
	for i, e := range elements {
		write(indexName(i), e)
	}
	w.end(start)
}

func (w *bsonWriter) float(name string, f float64) {
	switch {
	case math.IsNaN(f):
		w.mark(name, markFloat, "NaN")
	case math.IsInf(f, 1):
		w.mark(name, markFloat, "Infinity")
	case math.IsInf(f, -1):
		w.mark(name, markFloat, "-Infinity")
	case f == 0 && math.Signbit(f):
		w.mark(name, markFloat, "-0")
	default:
		w.double(name, f)
	}
}

// mark writes a document with one member.
func (w *bsonWriter) mark(name, member, text string) {
	start := w.begin(bson.TypeEmbeddedDocument, name)
	w.string(member, text)
	w.end(start)
}
