package mongodb

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// bsonWriter appends the parts of a BSON document, as bsonspec.org describes them. It
// keeps the first failure, after which its output is discarded.
type bsonWriter struct {
	b      []byte
	member string // the member of the record being written
	failed string // the member that could not be written
	reason string // why; empty if there was no failure
}

// fail records why the current member cannot be written.
func (w *bsonWriter) fail(reason string) {
	if w.reason == "" {
		w.failed, w.reason = w.member, reason
	}
}

// element appends an element: its type, its name, which must not have a NUL, and space for
// size bytes of its value, which it returns. It grows the buffer once for all of it,
// because a document has many small elements.
func (w *bsonWriter) element(t bson.Type, name string, size int) []byte {
	at := len(w.b)
	size += len(name) + 2
	if size > cap(w.b)-at {
		w.b = slices.Grow(w.b, size)
	}
	w.b = w.b[:at+size]
	b := w.b[at:]
	b[0] = byte(t)
	b = b[1+copy(b[1:], name):]
	b[0] = 0
	return b[1:]
}

// lengthSize is the size of the length that precedes a document.
const lengthSize = 4

// begin begins a document or an array. It returns the offset to pass to end.
func (w *bsonWriter) begin(t bson.Type, name string) int {
	w.element(t, name, lengthSize) // end writes the length
	return len(w.b) - lengthSize
}

func (w *bsonWriter) beginDocument() int {
	w.b = append(w.b, 0, 0, 0, 0)
	return len(w.b) - lengthSize
}

func (w *bsonWriter) end(start int) {
	w.b = append(w.b, 0)
	binary.LittleEndian.PutUint32(w.b[start:], uint32(len(w.b)-start))
}

const notUTF8 = "it is not valid UTF-8"

func (w *bsonWriter) string(name, s string) {
	if !utf8.ValidString(s) {
		w.fail(notUTF8)
	}
	w.plain(name, s)
}

// plain writes a string that is known to be valid.
func (w *bsonWriter) plain(name, s string) {
	b := w.element(bson.TypeString, name, lengthSize+len(s)+1)
	binary.LittleEndian.PutUint32(b, uint32(len(s)+1))
	b = b[lengthSize+copy(b[lengthSize:], s):]
	b[0] = 0
}

func (w *bsonWriter) bool(name string, v bool) {
	b := w.element(bson.TypeBoolean, name, 1)
	b[0] = 0
	if v {
		b[0] = 1
	}
}

func (w *bsonWriter) int32(name string, v int32) {
	binary.LittleEndian.PutUint32(w.element(bson.TypeInt32, name, 4), uint32(v))
}

func (w *bsonWriter) int64(name string, v int64) {
	binary.LittleEndian.PutUint64(w.element(bson.TypeInt64, name, 8), uint64(v))
}

func (w *bsonWriter) double(name string, v float64) {
	binary.LittleEndian.PutUint64(w.element(bson.TypeDouble, name, 8), math.Float64bits(v))
}

func (w *bsonWriter) null(name string) { w.element(bson.TypeNull, name, 0) }

func (w *bsonWriter) binary(name string, subtype byte, data []byte) {
	b := w.element(bson.TypeBinary, name, lengthSize+1+len(data))
	binary.LittleEndian.PutUint32(b, uint32(len(data)))
	b[lengthSize] = subtype
	copy(b[lengthSize+1:], data)
}

// date writes a time, truncated to milliseconds.
func (w *bsonWriter) date(name string, t time.Time) {
	binary.LittleEndian.PutUint64(w.element(bson.TypeDateTime, name, 8), uint64(t.UnixMilli()))
}

// indexNames are the names of the first elements of an array.
var indexNames = func() (names [256]string) {
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}()

// indexName returns the name of element i of an array.
func indexName(i int) string {
	if i < len(indexNames) {
		return indexNames[i]
	}
	return strconv.Itoa(i)
}
