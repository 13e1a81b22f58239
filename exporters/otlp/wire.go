package otlp

import (
	"encoding/binary"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// A tag precedes a field in protobuf. It has the number and the wire type of the field. All
// tags used here take one byte.
type tag byte

const (
	varint  = tag(protowire.VarintType)
	fixed64 = tag(protowire.Fixed64Type)
	bytes   = tag(protowire.BytesType)
)

// The fields of OTLP messages (opentelemetry-proto, v1.11.1).
const (
	requestResourceLogs = 1<<3 | bytes

	resourceLogsResource  = 1<<3 | bytes
	resourceLogsScopeLogs = 2<<3 | bytes
	resourceLogsSchemaURL = 3<<3 | bytes

	resourceAttributes = 1<<3 | bytes

	scopeLogsScope   = 1<<3 | bytes
	scopeLogsRecords = 2<<3 | bytes

	scopeName    = 1<<3 | bytes
	scopeVersion = 2<<3 | bytes

	recordTime           = 1<<3 | fixed64
	recordSeverityNumber = 2<<3 | varint
	recordSeverityText   = 3<<3 | bytes
	recordAttributes     = 6<<3 | bytes
	recordTraceID        = 9<<3 | bytes
	recordSpanID         = 10<<3 | bytes
	recordObservedTime   = 11<<3 | fixed64
	recordEventName      = 12<<3 | bytes

	pairKey   = 1<<3 | bytes
	pairValue = 2<<3 | bytes

	valueString = 1<<3 | bytes
	valueBool   = 2<<3 | varint
	valueInt    = 3<<3 | varint
	valueDouble = 4<<3 | fixed64
	valueArray  = 5<<3 | bytes
	valueMap    = 6<<3 | bytes
	valueBytes  = 7<<3 | bytes

	listElements = 1<<3 | bytes // of an array and of a map
)

// wireWriter appends protobuf. It keeps the first failure, after which its output is
// discarded.
type wireWriter struct {
	b      []byte
	member string // the member of the record being written
	failed string // the member that could not be written
	reason string // why; empty if there was no failure
}

func (w *wireWriter) fail(reason string) {
	if w.reason == "" {
		w.failed, w.reason = w.member, reason
	}
}

// begin begins a message and reserves space for its length. end ends it.
func (w *wireWriter) begin(t tag, room int) (start int) {
	w.b = append(w.b, byte(t))
	w.b = append(w.b, "\x00\x00\x00\x00"[:room]...)
	return len(w.b)
}

// end writes the length of the message that begins at start, and moves the message if the
// length needs more or less space.
func (w *wireWriter) end(start, room int) {
	size := len(w.b) - start
	if need := protowire.SizeVarint(uint64(size)); need != room {
		w.b = append(w.b, "\x00\x00\x00\x00\x00"...)
		copy(w.b[start-room+need:], w.b[start:start+size])
		w.b = w.b[:start-room+need+size]
		start += need - room
		room = need
	}
	protowire.AppendVarint(w.b[:start-room], uint64(size))
}

// smallRoom is the space for the length of a message that is nearly always shorter than 128
// bytes.
const smallRoom = 1

// text writes a string, which must be UTF-8 in protobuf.
func (w *wireWriter) text(t tag, s string) {
	if !utf8.ValidString(s) {
		w.fail("it is not valid UTF-8")
	}
	w.b = append(w.b, byte(t))
	w.b = protowire.AppendVarint(w.b, uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *wireWriter) bytes(t tag, v []byte) {
	w.b = append(w.b, byte(t))
	w.b = protowire.AppendVarint(w.b, uint64(len(v)))
	w.b = append(w.b, v...)
}

func (w *wireWriter) varint(t tag, v uint64) {
	w.b = append(w.b, byte(t))
	w.b = protowire.AppendVarint(w.b, v)
}

func (w *wireWriter) fixed64(t tag, v uint64) {
	w.b = append(w.b, byte(t))
	w.b = binary.LittleEndian.AppendUint64(w.b, v)
}
