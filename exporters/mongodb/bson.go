package mongodb

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// bsonWriter appends the parts of a BSON document, as bsonspec.org describes them.
// The first failure is kept; what is written after it is thrown away.
type bsonWriter struct {
	b      []byte
	member string // the record's member that is being written
	failed string // the one that could not be written
	reason string // why; empty if all could
}

// fail keeps what is wrong with the member.
func (w *bsonWriter) fail(reason string) {
	if w.reason == "" {
		w.failed, w.reason = w.member, reason
	}
}

// element begins an element: its type, and its name, which has no NUL.
func (w *bsonWriter) element(t bson.Type, name string) {
	w.b = append(w.b, byte(t))
	w.b = append(w.b, name...)
	w.b = append(w.b, 0)
}

// begin begins a document or array, and returns where, for end.
func (w *bsonWriter) begin(t bson.Type, name string) int {
	w.element(t, name)
	return w.beginDocument()
}

func (w *bsonWriter) beginDocument() int {
	w.b = append(w.b, 0, 0, 0, 0) // its length, known when it ends
	return len(w.b) - 4
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
	w.element(bson.TypeString, name)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(s)+1))
	w.b = append(w.b, s...)
	w.b = append(w.b, 0)
}

func (w *bsonWriter) bool(name string, v bool) {
	w.element(bson.TypeBoolean, name)
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *bsonWriter) int32(name string, v int32) {
	w.element(bson.TypeInt32, name)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(v))
}

func (w *bsonWriter) int64(name string, v int64) {
	w.element(bson.TypeInt64, name)
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(v))
}

func (w *bsonWriter) double(name string, v float64) {
	w.element(bson.TypeDouble, name)
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v))
}

func (w *bsonWriter) null(name string) { w.element(bson.TypeNull, name) }

func (w *bsonWriter) binary(name string, subtype byte, data []byte) {
	w.element(bson.TypeBinary, name)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(data)))
	w.b = append(w.b, subtype)
	w.b = append(w.b, data...)
}

// date writes the milliseconds of a time; what is below them is written elsewhere.
func (w *bsonWriter) date(name string, t time.Time) {
	w.element(bson.TypeDateTime, name)
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(t.UnixMilli()))
}

// indexNames are the names of an array's first elements.
var indexNames = func() (names [256]string) {
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}()

// indexName returns the name of an array's element.
func indexName(i int) string {
	if i < len(indexNames) {
		return indexNames[i]
	}
	return strconv.Itoa(i)
}
